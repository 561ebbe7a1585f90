import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import type { SampleMember } from '../../cli/sample-members/member.ts';
import type { ProgramResult } from '../../embedded/run-program.ts';
import { assertionForm, postToken, signAssertion } from '../support/authorization.ts';
import { reserveAddress, startTestPayer } from '../support/payer.ts';
import type { TestPayer } from '../support/payer.ts';
import { exactJson } from '../support/same-record.ts';
import { GROUP, loadGroup, matchMembers } from './group.ts';
import { installSmartFetch } from './smart-fetch.ts';
import { startWaitingProxy } from './waiting-proxy.ts';
import type { PassedRequest, WaitingProxy } from './waiting-proxy.ts';

const CLIENT = 'new-plan';
/** Long enough to be used once, short enough to be waited for. */
const TOKEN_SECONDS = 10;

let payer: TestPayer;
let proxy: WaitingProxy;
let folder: string;
let smartFetch: (args: readonly string[]) => Promise<ProgramResult>;
let members: readonly SampleMember[];

beforeAll(async () => {
  smartFetch = await installSmartFetch();
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-clients-'));
  const { publicKey, privateKey } = await generateKeyPair('ES384', { extractable: true });
  const header = { kid: 'k1', alg: 'ES384' };
  const privateJwk = { ...(await exportJWK(privateKey)), ...header, key_ops: ['sign'] };
  writeFileSync(path.join(folder, 'key.jwks'), JSON.stringify({ keys: [privateJwk] }));
  const publicJwk = { ...(await exportJWK(publicKey)), ...header };
  const [address, front] = [await reserveAddress(), await reserveAddress()];
  proxy = await startWaitingProxy(front.port, address.port);
  const configuration = configurationWith({ keys: [publicJwk] });
  payer = await startTestPayer(address, configuration, undefined, { PUBLIC_URL: front.publicUrl }, TOKEN_SECONDS);
  members = await loadGroup(payer);
  const key = { ...header, privateKey, publicJwk };
  const assertion = await signAssertion(key, CLIENT, `${front.publicUrl}/oauth/token`);
  const { body } = await postToken(front.publicUrl, assertionForm(assertion));
  await matchMembers(`${front.publicUrl}/fhir`, String(body['access_token']), members.slice(0, 2));
}, 900_000);

afterAll(async () => {
  await payer.stop();
  await proxy.stop();
  rmSync(folder, { recursive: true });
});

const organization = (id: string, value: string): object => ({
  ...{ resourceType: 'Organization', id },
  identifier: [{ system: 'http://example.org/payers', value }],
});

const configurationWith = (jwks: object): object => ({
  organizations: [organization('old-plan', 'responding'), organization(CLIENT, 'requesting')],
  ownOrganization: 'old-plan',
  // What is withheld from partners has tests of its own.
  export: { lookBackYears: 150, withholdFinancials: false, withholdDrugAuthorizations: false },
  oidcClients: [{ clientId: CLIENT, name: 'New Health Plan', organizationId: CLIENT, jwks }],
});

interface Fetched {
  readonly output: string;
  readonly result: ProgramResult;
  readonly requests: readonly PassedRequest[];
}

async function fetchGroup(name: string): Promise<Fetched> {
  const output = path.join(folder, name);
  const before = proxy.passed.length;
  const result = await smartFetch([
    ...['bulk', output, '--fhir-url', `${payer.publicUrl}/fhir`, '--group', GROUP, '--no-compression'],
    ...['--smart-client-id', CLIENT, '--smart-key', path.join(folder, 'key.jwks'), '--no-default-filters'],
  ]);
  return { output, result, requests: proxy.passed.slice(before) };
}

describe('smart-fetch, which knows nothing of Carryover, with a Group of two of three members', () => {
  let fetched: Fetched;

  beforeAll(async () => {
    fetched = await fetchGroup('group');
  }, 180_000);

  it('ends well', () => {
    const { code, stdout, stderr } = fetched.result;
    expect([code, code === 0 ? '' : `${stdout}${stderr}`]).toEqual([0, '']);
  });

  it('gets every line of theirs, and no other', async () => {
    const expected = await recordsOf(members.slice(0, 2));
    expect(expected.size).toBeGreaterThan(100);
    expect(downloaded(fetched.output)).toEqual(expected);
  });

  it('gives the export back', () => {
    expect(fetched.requests.filter(({ method }) => method === 'DELETE')).toEqual([
      { method: 'DELETE', path: expect.stringContaining('/export-status/'), status: 202 },
    ]);
  });

  it('gets every line also when its token expires between the manifest and the files', async () => {
    proxy.holdsManifests = true;
    const { output, result, requests } = await fetchGroup('expired');
    expect(result.code).toBe(0);
    expect(requests.find(({ path: at }) => at.includes('/export-file/'))?.status).toBe(401);
    expect(downloaded(output)).toEqual(await recordsOf(members.slice(0, 2)));
  });
});

/** By `Type/id`, of the types that this client asks for. */
async function recordsOf(some: readonly SampleMember[]): Promise<ReadonlyMap<string, unknown>> {
  const { rows } = await payer.wiring.pool.query<{ content: string }>(
    'SELECT content FROM resource WHERE patient_id = ANY($1) AND type = ANY($2)',
    [some.map(({ patientId }) => patientId), TYPES],
  );
  return byKey(rows.map(({ content }) => content));
}

/** What smart-fetch supports of what the members have. */
const TYPES = [
  ...['Patient', 'Encounter', 'AllergyIntolerance', 'Condition', 'Device', 'DiagnosticReport', 'DocumentReference'],
  ...['EpisodeOfCare', 'Immunization', 'MedicationDispense', 'MedicationRequest', 'Observation', 'Procedure'],
  ...['ServiceRequest', 'Specimen'],
];

function downloaded(output: string): ReadonlyMap<string, unknown> {
  const files = readdirSync(output).filter((name) => name.endsWith('.ndjson') && name !== 'log.ndjson');
  return byKey(files.flatMap((name) => readFileSync(path.join(output, name), 'utf8').split('\n')));
}

/** Versions and their instants are the server's. */
function byKey(lines: readonly string[]): ReadonlyMap<string, unknown> {
  return new Map(
    lines
      .filter((line) => line !== '')
      .map((line): [string, unknown] => {
        const { resourceType, id, meta, ...rest } = exactJson(line) as Record<string, unknown>;
        const kept = Object.entries(meta ?? {}).filter(([key]) => key !== 'versionId' && key !== 'lastUpdated');
        return [`${String(resourceType)}/${String(id)}`, { ...rest, meta: Object.fromEntries(kept) }];
      }),
  );
}
