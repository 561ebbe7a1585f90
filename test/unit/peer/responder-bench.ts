import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import type { Manifest } from '../../../fhir/bulk-data.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import { createPeerClient } from '../../../peer/fhir-client.ts';
import type { PeerClient } from '../../../peer/fhir-client.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { createTokenSource } from '../../../peer/token.ts';
import type { TokenSource } from '../../../peer/token.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { memoryTokenCache } from '../../support/memory-token-cache.ts';
import { payerAt } from './tiny-server.ts';

const SYSTEM = 'urn:test:member';
export const patientLine =
  '{"resourceType":"Patient","id":"m1","name":[{"family":"Doe","given":["Jo"]}],"birthDate":"1980-01-01"}';
const coverageLines = Array.from(
  { length: 3000 },
  (_, n) => `{"resourceType":"Coverage","id":"c${n}","status":"active","beneficiary":{"reference":"Patient/m1"}}`,
);
export const matchBody = (memberId = 'A1'): string =>
  JSON.stringify({
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'MemberPatient',
        resource: {
          resourceType: 'Patient',
          id: '1',
          name: [{ family: 'Doe', given: ['Jo'] }],
          birthDate: '1980-01-01',
        },
      },
      {
        name: 'CoverageToMatch',
        resource: {
          resourceType: 'Coverage',
          identifier: [
            {
              type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] },
              system: SYSTEM,
              value: memberId,
            },
          ],
        },
      },
    ],
  });

export const content = `${coverageLines.join('\n')}\n`;

/** The independent responder with one member, and a client of ours registered by key and by secret. */
export interface ResponderBench {
  readonly responder: () => Responder;
  readonly tokens: () => TokenSource;
  readonly key: (alg: string) => JWK | undefined;
  readonly payer: (more?: Record<string, unknown>) => OidcServer;
  readonly client: (more?: Record<string, unknown>) => PeerClient;
  readonly requestsTo: (part: string) => Responder['requests'];
  /** Moves our own clock. */
  readonly wait: (milliseconds: number) => void;
}

interface KeyPair {
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
}

async function createKey(alg: string): Promise<KeyPair> {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const more = { kid: `key-${alg}`, alg, use: 'sig' };
  return {
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...more },
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...more },
  };
}

async function startWith(keys: ReadonlyMap<string, KeyPair>): Promise<Responder> {
  const lines = { Patient: [patientLine], Coverage: coverageLines };
  return startResponder({
    clients: [
      { clientId: 'by-key', jwks: { keys: [...keys.values()].map(({ publicJwk }) => publicJwk) } },
      { clientId: 'by-secret', clientSecret: 's3 cr+et:%' },
    ],
    members: [{ patientId: 'm1', memberId: 'A1', memberIdSystem: SYSTEM, lines }],
    behaviour: { match: { lenient: true }, status: { pollsBeforeDone: 0 }, manifest: { linesPerFile: 5000 } },
  });
}

/** Sets a bench up for each test of the file. */
export function responderBench(): ResponderBench {
  const http = createPeerHttp({ idleTimeoutMs: 2000 });
  const keys = new Map<string, KeyPair>();
  const running: { responder?: Responder; tokens?: TokenSource } = {};
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  const responder = (): Responder => present(running.responder);
  const tokens = (): TokenSource => present(running.tokens);
  const key = (alg: string): JWK | undefined => keys.get(alg)?.privateJwk;
  const payer = (more: Record<string, unknown> = {}): OidcServer => {
    const { baseUrl, origin } = responder();
    const defaults = { fhirEndpoint: baseUrl, clientId: 'by-key', clientSecret: undefined, privateJwk: key('ES384') };
    return payerAt(origin, { ...defaults, ...more });
  };
  beforeAll(async () => {
    for (const alg of ['RS384', 'ES384']) keys.set(alg, await createKey(alg));
  });
  beforeEach(async () => {
    ahead = 0;
    running.tokens = createTokenSource({ cache: memoryTokenCache(), http, now });
    running.responder = await startWith(keys);
  });
  afterEach(async () => responder().close());
  afterAll(async () => http.close());
  return {
    responder,
    tokens,
    key,
    payer,
    client: (more) => createPeerClient({ payer: payer(more), http, tokens: tokens(), now }),
    requestsTo: (part) => responder().requests.filter(({ path }) => path.includes(part)),
    wait: (milliseconds) => void (ahead += milliseconds),
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('no test is running');
  return value;
}

export async function exported(peer: PeerClient): Promise<Manifest> {
  await peer.memberMatch(matchBody());
  const { statusUrl } = await peer.startExport({ form: 'type-level', patientId: 'm1', entries: [] });
  const check = await peer.checkExport(statusUrl);
  if (check.state !== 'complete') throw new Error('the export is not complete');
  return check.manifest;
}
export function urlOf(manifest: Manifest, type: string): string {
  const file = manifest.files.find((each) => each.type === type);
  if (file === undefined) throw new Error(`the manifest has no ${type}`);
  return file.url;
}
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
