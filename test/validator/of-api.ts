import { emission } from './emission.ts';
import type { Emission } from './emission.ts';
import type { Payers } from './payers.ts';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

const get = (path: string): Request => ({ method: 'GET', path });
const BASIC = '{"resourceType":"Basic","id":"made","code":{"text":"x"}}';

/** Answers of a payer's API that are no records. */
export async function emissionsOfApi(payers: Payers): Promise<readonly Emission[]> {
  const { payer, person } = payers;
  const all: Emission[] = [emission('CapabilityStatement', await (await fetch(`${payer.fhirUrl}/metadata`)).text())];
  for (const [kind, requests] of Object.entries({
    'Bundles of searches': searches(person.id),
    'Bundles of histories': [get(`Patient/${person.id}/_history`)],
    'answers to Bundles': [bundle('batch', person.id), bundle('transaction', person.id)],
    'OperationOutcomes of errors': mistakes(person.id),
  })) {
    for (const { method, path, body, headers } of requests) {
      all.push(emission(kind, (await payer.ask(method, path, body, headers)).text));
    }
  }
  return all;
}

const searches = (patientId: string): Request[] => [
  get('Patient?name=Guevara'),
  get(`Immunization?patient=${patientId}&_revinclude=Provenance:target`),
  get(`Condition?patient=${patientId}&_count=2`),
  get('Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999999999'),
  get('Observation?_id=nobody&code=unsupported'),
  get('Task?status=completed'),
  get(`Patient/${patientId}/$everything?_count=50`),
];

function bundle(type: string, patientId: string): Request {
  const entry = [
    { request: { method: 'GET', url: `Patient/${patientId}` } },
    { resource: JSON.parse(BASIC) as unknown, request: { method: 'PUT', url: 'Basic/made' } },
    ...(type === 'batch' ? [{ request: { method: 'GET', url: 'Patient/nobody' } }] : []),
  ];
  return { method: 'POST', path: '', body: JSON.stringify({ resourceType: 'Bundle', type, entry }) };
}

const mistakes = (patientId: string): Request[] => [
  get('Patient/nobody'),
  get('Nothing/1'),
  get('Patient?name:unknown=x'),
  get('Task/nobody'),
  get(`Patient/${patientId}/_history/99`),
  { method: 'PUT', path: 'Basic/other', body: BASIC },
  { method: 'PUT', path: 'Basic/made', body: '{"resourceType":' },
  { method: 'PUT', path: 'Basic/made', body: BASIC, headers: { 'if-match': 'W/"99"' } },
  { method: 'POST', path: 'Patient/$sdh.s2s.invoke-export', body: '{"resourceType":"Parameters"}' },
  { method: 'POST', path: 'Patient/$member-match', body: '{"resourceType":"Parameters"}' },
  { method: 'GET', path: `Patient/${patientId}`, headers: { authorization: 'Bearer none' } },
  { method: 'GET', path: `Patient/${patientId}/$export?_type=Nothing`, headers: { prefer: 'respond-async' } },
  { method: 'GET', path: 'export-status/nobody' },
];
