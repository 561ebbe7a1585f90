import type { Call } from './answers.ts';
import { fhirAnswer, operationOutcome, readResource, Refusal, refuse } from './answers.ts';
import { at, isRecord, textsAt } from './json.ts';
import type { OutcomeIssue } from './failures.ts';
import type { State } from './state.ts';

export type KickOffLevel = 'type' | 'patient' | 'group';

export interface KickOffParameters {
  patients: string[] | undefined;
  types: string[] | undefined;
  since: number | undefined;
  until: number | undefined;
  /** What was ignored under `handling=lenient`. */
  notes: OutcomeIssue[];
}

const VALUE_NAMES: Record<string, string> = {
  _outputFormat: 'valueString',
  _since: 'valueInstant',
  _until: 'valueInstant',
  _type: 'valueString',
  patient: 'valueReference',
};
const FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const EXPORTABLE = new Set(
  (
    'AllergyIntolerance CarePlan CareTeam Claim ClaimResponse Condition Consent Coverage Device DiagnosticReport ' +
    'DocumentReference Encounter ExplanationOfBenefit Goal Group ImagingStudy Immunization List Location Media Medication ' +
    'MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation Organization Patient ' +
    'Practitioner PractitionerRole Procedure Provenance QuestionnaireResponse RelatedPerson ServiceRequest Specimen ' +
    'SupplyDelivery Binary'
  ).split(' '),
);

/** Reads a Bulk Data kick-off, as Parameters (POST) or query (GET). @throws Refusal 400 */
export function readKickOffParameters(state: State, call: Call, level: KickOffLevel): KickOffParameters {
  const lenient = preferences(call).includes('handling=lenient');
  const notes: OutcomeIssue[] = [];
  const values = new Map<string, string[]>();
  const unsupported = new Set<string>();
  for (const [name, value] of call.method === 'POST' ? fromParameters(call) : [...call.url.searchParams]) {
    if (isSupported(state, call, level, name)) values.set(name, [...(values.get(name) ?? []), value]);
    else if (lenient) notes.push({ severity: 'warning', code: 'not-supported', diagnostics: `${name} was ignored` });
    else unsupported.add(name);
  }
  if (unsupported.size > 0) throw unsupportedParameters(state, [...unsupported]);
  const format = values.get('_outputFormat')?.[0];
  if (format !== undefined && !FORMATS.includes(format)) throw unsupportedParameters(state, ['_outputFormat']);
  return {
    patients: values.get('patient')?.map((reference) => patientIdOf(state, reference)),
    types: readTypes(values.get('_type'), lenient, notes),
    since: readInstant('_since', values.get('_since')),
    until: readInstant('_until', values.get('_until')),
    notes,
  };
}

/** `patient` is for POST alone, and for nobody whose token names the patient. */
function isSupported(state: State, call: Call, level: KickOffLevel, name: string): boolean {
  const { supportedParameters, tokenBound } = state.behaviour.kickOff;
  if (name === 'patient' && (call.method === 'GET' || (tokenBound && level === 'type'))) return false;
  return supportedParameters.includes(name);
}

function unsupportedParameters(state: State, names: string[]): Refusal {
  switch (state.behaviour.kickOff.refusalStyle) {
    case 'diagnostics':
      return refuse(400, 'not-supported', `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} not supported`);
    case 'expression': {
      const issue = { severity: 'error', code: 'not-supported', diagnostics: 'unsupported input' } as const;
      return new Refusal(fhirAnswer(400, operationOutcome([{ ...issue, expression: names }])));
    }
    case 'bare':
      return new Refusal({ status: 400 });
  }
}

export function preferences(call: Call): string[] {
  const header = [call.request.headers['prefer'] ?? []].flat().join(',');
  return header.split(/[,;]/).map((each) => each.trim().toLowerCase().replaceAll('"', ''));
}

function fromParameters(call: Call): [string, string][] {
  if (call.body === '') return [];
  return at(readResource(call, 'Parameters'), 'parameter').map((parameter) => {
    const name = textsAt(parameter, 'name')[0];
    if (name === undefined || !isRecord(parameter)) throw refuse(400, 'invalid', 'a parameter has no name');
    const valueName = VALUE_NAMES[name];
    // An unknown parameter is judged by its name alone.
    if (valueName === undefined) return [name, ''];
    const path = valueName === 'valueReference' ? 'valueReference.reference' : valueName;
    const value = textsAt(parameter, path)[0];
    if (value === undefined) throw refuse(400, 'invalid', `${name} has no ${path}`);
    return [name, value];
  });
}

function patientIdOf(state: State, reference: string): string {
  const local = reference.startsWith(`${state.baseUrl}/`) ? reference.slice(state.baseUrl.length + 1) : reference;
  const id = /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(local)?.[1];
  if (id === undefined) throw refuse(400, 'invalid', 'patient is no reference to a Patient of this server');
  return id;
}

function readTypes(values: string[] | undefined, lenient: boolean, notes: OutcomeIssue[]): string[] | undefined {
  return values
    ?.flatMap((value) => value.split(','))
    .filter((type) => {
      if (EXPORTABLE.has(type)) return true;
      if (!lenient) throw refuse(400, 'not-supported', '_type names a type that is not exported');
      notes.push({ severity: 'warning', code: 'not-supported', diagnostics: 'a type of _type was ignored' });
      return false;
    });
}

export function readInstant(name: string, values: string[] | undefined): number | undefined {
  const text = values?.[0];
  if (text === undefined) return undefined;
  if (values?.length !== 1 || !INSTANT.test(text)) throw refuse(400, 'invalid', `${name} is no instant`);
  return Date.parse(text);
}
