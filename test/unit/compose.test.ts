import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  it('has Temporal, its UI, Postgres, api and worker', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['postgres', 'temporal', 'temporal-ui', 'migrate', 'api', 'worker']),
    );
  });

  it.each(services)('(%s) waits only for services that are there, and for health that they tell', (_name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services[other]).toBeDefined();
      if (condition === 'service_healthy') expect(compose.services[other]?.healthcheck).toBeDefined();
    }
  });

  it.each(services.filter(([, { build }]) => build !== undefined))(
    '(%s) runs a command of the program',
    (_name, service) => {
      expect(existsSync(`cli/${service.command?.[0] ?? ''}.ts`)).toBe(true);
    },
  );

  it.each(['api', 'worker'])('starts the %s with the options of V8 that its npm script has', (name) => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const { entrypoint = [] } = compose.services[name] ?? {};
    expect(entrypoint).not.toEqual([]);
    expect(scripts[name]?.endsWith(`${entrypoint.join(' ')} ${name}`)).toBe(true);
  });

  it('holds no secret', () => {
    const secrets = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /SECRET|KEYS|PASSWORD|PWD/.test(name)),
    );
    expect(secrets.every(([, value]) => /^\$\{\w+:\?\}$/.test(String(value)))).toBe(true);
  });

  it('keeps what must survive in volumes that it declares', () => {
    const named = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    for (const name of named.filter((each) => /^[a-z]+$/.test(each))) expect(compose.volumes).toHaveProperty(name);
  });
});
