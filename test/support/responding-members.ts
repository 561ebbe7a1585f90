import { matchParameters } from '../unit/support/payer-session.ts';
import { batchOf, createResource, importRow, openExchange } from './records.ts';
import type { RespondingPayer } from './responding-payer.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
export const OBSERVATIONS = 25;

const MB = '{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MB"}]}';
const person = (id: string, given: string): string =>
  `{"resourceType":"Patient","id":"${id}","identifier":[{"type":${MB},"system":"urn:own:member","value":"M-${id}"}],"name":[{"family":"Person","given":["${given}"]}],"gender":"female","birthDate":"1974-12-25"}`;
const coverage = (id: string): string =>
  `{"resourceType":"Coverage","id":"cov-${id}","identifier":[{"type":${MB},"value":"M-${id}"}],"status":"active","beneficiary":{"reference":"Patient/${id}"},"payor":[{"display":"us"}]}`;
const observation = (id: string, patient: string, more = ''): string =>
  `{"resourceType":"Observation","id":"${id}",${more}"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/${patient}"},"performer":[{"reference":"Practitioner?identifier=${NPI}|1234567893"}],"valueQuantity":{"value":1.50}}`;

/** The imported compartment of `ann`, and what stands in it. */
export const IMPORTED = { patient: 'ann-imported', observation: 'imported-obs', evidence: 'evidence-doc' };
export const SENSITIVE = 'obs-sensitive';

/** Ann with everything; Beth, her twin, with one observation; what their records refer to, and what nobody refers to. */
export async function loadMembers({ fhir, pool }: RespondingPayer): Promise<void> {
  const secret =
    '"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},';
  const texts = [
    `{"resourceType":"Organization","id":"own","identifier":[{"system":"http://example.org/payers","value":"responding"}]}`,
    `{"resourceType":"Organization","id":"new-payer-org","identifier":[{"system":"http://example.org/payers","value":"requesting"}]}`,
    '{"resourceType":"Organization","id":"hospital","name":"Hospital"}',
    '{"resourceType":"Organization","id":"unrelated","name":"Unrelated"}',
    `{"resourceType":"Practitioner","id":"doctor","identifier":[{"system":"${NPI}","value":"1234567893"}],"name":[{"family":"Doctor"}]}`,
    '{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/doctor"},"organization":{"reference":"Organization/hospital"}}',
    person('ann', 'Ann'),
    coverage('ann'),
    person('beth', 'Beth'),
    coverage('beth'),
    '{"resourceType":"Group","id":"all-members","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/ann"}},{"entity":{"reference":"Patient/beth"}}]}',
    ...Array.from({ length: OBSERVATIONS }, (_, n) => observation(`obs-${n}`, 'ann')),
    observation(SENSITIVE, 'ann', secret),
    observation('obs-beth', 'beth'),
    '{"resourceType":"Encounter","id":"enc-ann","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ann"},"participant":[{"individual":{"reference":"PractitionerRole/role"}}]}',
    '{"resourceType":"CarePlan","id":"plan-ann","status":"active","intent":"plan","subject":{"reference":"Patient/ann"},"contributor":[{"reference":"Group/all-members"}]}',
    '{"resourceType":"Provenance","id":"prov-ann","target":[{"reference":"Encounter/enc-ann"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Organization/hospital"}}]}',
  ];
  for (const text of texts) await createResource(fhir, text);
  await openExchange(pool, 'exchange-1', 'ann');
  const { patient, observation: imported, evidence } = IMPORTED;
  const rows = [
    importRow('Patient', patient, patient),
    importRow('Observation', imported, patient, `"status":"final","subject":{"reference":"Patient/${patient}"}`, 2),
  ];
  await fhir.importBatch(batchOf('exchange-1', rows));
  const kept = importRow('DocumentReference', evidence, patient, '"status":"current"');
  await fhir.stageGenerated('exchange-1', [{ ...kept, evidence: true }]);
  await fhir.publish('exchange-1', { localPatientId: 'ann', importedPatientId: patient });
}

interface Consent {
  provision: { period: Record<string, string> };
  status: string;
  policy: { uri: string }[];
}

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';

/** What a partner posts to be told who Ann (or Beth) is. */
export function matchBody({
  given = 'Ann',
  number = 'M-ann',
  policy = 'regular',
  consent = (): void => undefined,
}: {
  readonly given?: string;
  readonly number?: string;
  readonly policy?: 'regular' | 'sensitive';
  readonly consent?: (consent: Consent) => void;
} = {}): string {
  const body = matchParameters() as { parameter: { name: string; resource: Record<string, unknown> }[] };
  for (const { name, resource } of body.parameter) {
    if (name === 'MemberPatient') resource['name'] = [{ family: 'PERSON', given: [given] }];
    if (name === 'CoverageToMatch') resource['identifier'] = [{ type: JSON.parse(MB) as unknown, value: number }];
    if (name !== 'Consent') continue;
    const posted = resource as unknown as Consent;
    posted.policy = [{ uri: `${POLICY}#${policy}` }];
    consent(posted);
  }
  return JSON.stringify(body);
}
