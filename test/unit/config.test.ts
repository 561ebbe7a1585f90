import { describe, expect, it } from '@jest/globals';
import { ConfigError, loadConfig } from '../../config.ts';
import type { Config, Environment } from '../../config.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

function load(env: Environment = {}, file?: unknown): Config {
  return loadConfig(env, () => (file === undefined ? undefined : JSON.stringify(file)));
}

function problems(env: Environment, file?: unknown): readonly string[] {
  try {
    load(env, file);
  } catch (err) {
    if (err instanceof ConfigError) return err.problems;
    throw err;
  }
  return [];
}

describe('the environment', () => {
  it('has a default for everything', () => {
    const config = load();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      p2pPort: 8081,
      publicUrl: 'http://127.0.0.1:8080',
      fhirBaseUrl: 'http://127.0.0.1:8080/fhir',
      fhirStore: { kind: 'postgres' },
      temporal: { isExternal: false, namespace: 'default', uiPort: 8233 },
      logLevel: 'info',
    });
    expect(config.databaseUrl).toBeUndefined();
    expect(config.mail).toBeUndefined();
  });

  it('takes an empty variable for one that is not set', () => {
    expect(load({ PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8080, databaseUrl: undefined });
  });

  it('builds the public URL from host and port', () => {
    expect(load({ HOST: '::1', PORT: '9000' }).publicUrl).toBe('http://[::1]:9000');
  });

  it('keeps the issuer exactly as given', () => {
    const config = load({ PUBLIC_URL: 'https://payer.example/p2p/' });
    expect(config.publicUrl).toBe('https://payer.example/p2p/');
    expect(config.fhirBaseUrl).toBe('https://payer.example/p2p/fhir');
  });

  it('names all that is wrong at once, each in one sentence', () => {
    const found = problems({ PORT: 'eighty', P2P_PORT: '70000', PUBLIC_URL: 'payer.example', LOG_LEVEL: 'loud' });
    expect(found).toHaveLength(4);
    expect(found[0]).toBe('PORT is "eighty"; accepted: a port number from 1 to 65535.');
    expect(found[3]).toBe('LOG_LEVEL is "loud"; accepted: trace, debug, info, warn, error.');
  });

  it('refuses one port for both APIs', () => {
    expect(problems({ PORT: '9000', P2P_PORT: '9000' })).toEqual([expect.stringContaining('P2P_PORT is "9000"')]);
  });

  it.each([
    { DATABASE_URL: 'mysql://user:sentinel@host/db' },
    { SMTP_URL: 'http://user:sentinel@host' },
    { ENCRYPTION_KEYS: 'k1:sentinel' },
    { ADMIN_CLIENT_SECRET: 'sentinel' },
    { FHIR_STORE: 'ftp://user:sentinel@host' },
  ])('never repeats a secret (%j)', (env) => {
    const [only, ...others] = problems(env);
    expect(only).toContain(Object.keys(env)[0]);
    expect(only).not.toContain('sentinel');
    expect(others).toEqual([]);
  });

  it('reads several encryption keys, the first one first', () => {
    const keys = load({ ENCRYPTION_KEYS: `new:${KEY},old:${KEY}` }).encryptionKeys;
    expect(keys?.map(({ id, key }) => [id, key.length])).toEqual([
      ['new', 32],
      ['old', 32],
    ]);
  });

  it.each([`k1:${KEY},k1:${KEY}`, 'k1:AAAA', KEY, `k1:${KEY},`])('refuses malformed encryption keys (%#)', (text) => {
    expect(problems({ ENCRYPTION_KEYS: text })).toHaveLength(1);
  });

  it('asks for a sender where mail is to be sent', () => {
    expect(problems({ SMTP_URL: 'smtp://mail.example' })).toEqual([expect.stringContaining('NOTIFY_FROM is not set')]);
  });

  it('reads several recipients', () => {
    const env = {
      SMTP_URL: 'smtp://mail.example',
      NOTIFY_FROM: 'p2p@payer.example',
      NOTIFY_TO: 'a@x.example, b@x.example',
    };
    expect(load(env).mail?.to).toEqual(['a@x.example', 'b@x.example']);
  });

  it('points to an existing Temporal with all settings of its SDK', () => {
    const { temporal } = load({
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'p2p',
      TEMPORAL_TLS: 'true',
    });
    expect(temporal).toMatchObject({ isExternal: true, namespace: 'p2p' });
    expect(temporal.environment).toEqual({
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'p2p',
      TEMPORAL_TLS: 'true',
    });
  });

  it('is frozen through and through', () => {
    const config = load();
    expect(Object.isFrozen(config.file.import)).toBe(true);
  });
});

describe('the configuration file', () => {
  it('may be missing, unless a variable names it', () => {
    expect(load().file.oidcServers).toEqual([]);
    expect(problems({ CONFIG_FILE: '/nowhere.json' })).toEqual([
      expect.stringContaining('CONFIG_FILE is "/nowhere.json"'),
    ]);
  });

  it('has the defaults of the documentation', () => {
    expect(load({}, {}).file).toMatchObject({
      provenanceProfile: 'vendor',
      provenanceVersionedReferences: false,
      matching: { maxFailures: 10 },
      import: {
        maxRefusedLines: 100,
        maxLineBytes: 67_108_864,
        attachmentInlineBytes: 1_048_576,
        maxFetchedReferences: 1000,
        knownBy: ['http://hl7.org/fhir/sid/us-npi'],
        foreignLines: 'refuse',
      },
      migratedTag: { system: 'http://smilecdr.com/fhir/tags', code: 'migrated' },
    });
  });

  it('names the path of each wrong value', () => {
    const server = { name: 'Old', clientId: 'us', fhirEndpoint: 'https://old.example/fhir' };
    const found = problems({}, { oidcServers: [{ ...server, issuer: 'old' }], import: { foreignLines: 'keep' } });
    expect(found).toEqual([
      'carryover.config.json: oidcServers[0].issuer is "old"; accepted: an absolute http or https URL.',
      'carryover.config.json: import.foreignLines is "keep"; accepted: refuse, fail.',
    ]);
  });

  it('refuses a key it does not know', () => {
    expect(problems({}, { imports: {} })).toEqual([expect.stringContaining('imports is {}; accepted: no such key')]);
  });

  it('never repeats a secret of a definition', () => {
    const found = problems({}, { oidcClients: [{ clientId: 'c', name: 'n', clientSecret: 4_242_424_242 }] });
    expect(found).toEqual([expect.stringContaining('oidcClients[0].clientSecret')]);
    expect(found.join()).not.toContain('4242424242');
  });

  it('says that it is no JSON without repeating it', () => {
    const read = (): Config => loadConfig({}, () => '{"clientSecret": sentinel');
    expect(read).toThrow('JSON');
    expect(read).not.toThrow('sentinel');
  });

  it('refuses an own organization that is not among the organizations', () => {
    expect(problems({}, { ownOrganization: 'us' })).toEqual([expect.stringContaining('ownOrganization is "us"')]);
  });

  it('finds modules beside the file', () => {
    const config = loadConfig({ CONFIG_FILE: '/etc/carryover/c.json' }, () => '{"consent":{"module":"./consent.js"}}');
    expect(config.file.consent.module).toBe('/etc/carryover/consent.js');
  });
});
