import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import type { Patch, Behaviour } from '../../support/responder/options.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

export interface Session {
  responder: Responder;
  key: CryptoKey;
  /** Authorization header of a granted token. */
  authorization: string;
}

export const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular';

export function observation(n: number): string {
  return `{"resourceType":"Observation","id":"o${n}","meta":{"lastUpdated":"202${n % 6}-01-01T00:00:00Z"},"status":"final","code":{"text":"a \\"reference\\":\\"Patient/p1\\" in text"},"subject":{"reference":"Patient/p1"},"valueQuantity":{"value":1.50}}`;
}

export const MEMBER = {
  patientId: 'p1',
  memberId: 'M-1',
  lines: {
    Patient: [
      '{"resourceType":"Patient","id":"p1","name":[{"family":"Person","given":["Ann"]}],"birthDate":"1974-12-25"}',
    ],
    Observation: Array.from({ length: 25 }, (_, n) => observation(n)),
  },
};

export async function openSession(algorithm: 'RS384' | 'ES384', behaviour: Patch<Behaviour> = {}): Promise<Session> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: algorithm };
  const responder = await startResponder({
    behaviour,
    clients: [{ clientId: 'us', jwks: { keys: [jwk] } }],
    members: [MEMBER],
  });
  const assertion = await signAssertion(responder, privateKey, algorithm);
  const answer = (await (await requestToken(responder, assertion)).json()) as { access_token: string };
  return { responder, key: privateKey, authorization: `Bearer ${answer.access_token}` };
}

export function signAssertion(
  responder: Responder,
  key: CryptoKey,
  alg: string,
  changed: { aud?: string; exp?: string; jti?: string; kid?: string } = {},
): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg, kid: changed.kid ?? 'k1', typ: 'JWT' })
    .setIssuer('us')
    .setSubject('us')
    .setAudience(changed.aud ?? responder.tokenEndpoint)
    .setExpirationTime(changed.exp ?? '4m')
    .setJti(changed.jti ?? randomUUID())
    .sign(key);
}

export function requestToken(responder: Responder, assertion: string): Promise<Response> {
  return fetch(responder.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }),
  });
}

export function post(
  session: Session,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${session.responder.baseUrl}/${path}`, {
    method: 'POST',
    headers: { authorization: session.authorization, 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify(body),
  });
}

export function get(session: Session, url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers: { authorization: session.authorization, ...headers }, redirect: 'manual' });
}

export interface Manifest {
  requiresAccessToken: boolean;
  output: { type: string; url: string; count?: number }[];
  error: { url: string }[];
}

/** Matches, starts an export, polls it and returns the manifest. */
export async function exportAll(session: Session): Promise<Manifest> {
  await post(session, 'Patient/$member-match', matchParameters());
  const kickOff = await post(session, 'Patient/$export', exportParameters(), { prefer: 'respond-async' });
  const statusUrl = kickOff.headers.get('content-location') ?? '';
  for (;;) {
    const answer = await get(session, statusUrl);
    if (answer.status === 200) return (await answer.json()) as Manifest;
    if (answer.status !== 202) throw new Error(`status ${answer.status}`);
    await answer.body?.cancel();
  }
}

export function exportParameters(...more: unknown[]): unknown {
  const patient = { name: 'patient', valueReference: { reference: 'Patient/p1' } };
  return { resourceType: 'Parameters', parameter: [patient, ...more] };
}

/** A valid `$member-match` input; `changed` replaces resources by parameter name. */
export function matchParameters(changed: Record<string, unknown> = {}): unknown {
  const coding = (system: string, code: string): unknown => ({
    coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
  });
  const payer = (value: string): unknown => ({
    identifier: { system: 'http://example.org/payers', value },
    display: value,
  });
  const coverage = (memberId: string): unknown => ({
    resourceType: 'Coverage',
    id: 'c1',
    identifier: [{ type: coding('v2-0203', 'MB'), value: memberId }],
    status: 'active',
    relationship: coding('subscriber-relationship', 'self'),
    beneficiary: { reference: 'Patient/1' },
    payor: [payer('payer')],
  });
  const actor = (role: unknown, value: string): unknown => ({ role, reference: payer(value) });
  const resources: Record<string, unknown> = {
    MemberPatient: {
      resourceType: 'Patient',
      id: '1',
      name: [{ family: 'PERSON', given: ['Ann'] }],
      gender: 'female',
      birthDate: '1974-12-25',
    },
    CoverageToMatch: coverage('M-1'),
    CoverageToLink: coverage('N-1'),
    Consent: {
      resourceType: 'Consent',
      status: 'active',
      scope: coding('consentscope', 'patient-privacy'),
      category: [coding('v3-ActCode', 'IDSCL')],
      patient: { reference: 'Patient/1' },
      performer: [{ reference: 'Patient/1' }],
      sourceReference: { reference: 'DocumentReference/consent' },
      policy: [{ uri: POLICY }],
      provision: {
        type: 'permit',
        period: { start: '2020-01-01', end: '2099-12-31' },
        actor: [
          actor(coding('provenance-participant-type', 'performer'), 'responding'),
          actor(coding('v3-ParticipationType', 'IRCP'), 'requesting'),
        ],
        action: [coding('consentaction', 'disclose')],
      },
    },
    ...changed,
  };
  const parameter = Object.entries(resources)
    .filter(([, resource]) => resource !== undefined)
    .map(([name, resource]) => ({ name, resource }));
  return { resourceType: 'Parameters', parameter };
}
