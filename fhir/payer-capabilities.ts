import { isRecord } from './parameters.ts';

/** Ways to one member's records that a CapabilityStatement can name. */
export const ADVERTISED_FORMS = ['type-level', 'instance-level', 'group', 'everything'] as const;
export type AdvertisedForm = (typeof ADVERTISED_FORMS)[number];

/** What a CapabilityStatement says of the ways to get one member's records. */
export interface PayerCapabilities {
  readonly software: string | undefined;
  readonly fhirVersion: string | undefined;
  /** `$member-match` is named. */
  readonly match: boolean;
  /** `POST [base]` with a batch. */
  readonly batch: boolean;
  /** Forms that are named; most servers name fewer than they have. */
  readonly exportForms: readonly AdvertisedForm[];
  /** By type: the search parameter that leads to a Patient. */
  readonly searches: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

interface Operation {
  readonly name: string;
  readonly definition: string;
}

/** In this order: the first one that a type has is taken. */
const PATIENT_PARAMETERS = ['patient', 'subject', 'beneficiary', 'individual'] as const;

/** Reads a CapabilityStatement; what is missing or malformed in it counts as not said. */
export function readCapabilities(statement: unknown): PayerCapabilities {
  const rest = listOf(statement, 'rest').filter(({ mode }) => mode === undefined || mode === 'server');
  const resources = rest.flatMap((each) => listOf(each, 'resource'));
  const operations = (type: string): Operation[] =>
    resources.filter((each) => each['type'] === type).flatMap(operationsOf);
  const system = rest.flatMap(operationsOf);
  const software = isRecord(statement) ? statement['software'] : undefined;
  const interactions = rest.flatMap((each) => listOf(each, 'interaction')).map(({ code }) => code);
  return {
    software: isRecord(software) ? nameAndVersion(software) : undefined,
    fhirVersion: isRecord(statement) ? textOf(statement['fhirVersion']) : undefined,
    match: operations('Patient').some(({ name }) => /(^|-)member-match$/.test(name)),
    batch: interactions.includes('batch'),
    exportForms: formsOf(operations('Patient'), [...operations('Group'), ...system.filter(isOfGroup)]),
    searches: Object.fromEntries(resources.flatMap(patientSearch)),
  };
}

function formsOf(ofPatient: readonly Operation[], ofGroup: readonly Operation[]): readonly AdvertisedForm[] {
  const isExport = ({ name }: Operation): boolean => name === 'export' || /-export$/.test(name);
  const exports = ofPatient.filter(isExport);
  // HAPI names `Patient-i-export` beside `Patient-export`; others say it in the definition's name.
  const isInstance = ({ definition }: Operation): boolean =>
    /(-i-export|instance-?(level-)?export)(\|.*)?$/i.test(definition);
  const forms: AdvertisedForm[] = [];
  if (exports.some((each) => !isInstance(each))) forms.push('type-level');
  if (exports.some(isInstance)) forms.push('instance-level');
  if (ofGroup.some((each) => each.name === 'export' || each.name === 'group-export')) forms.push('group');
  if (ofPatient.some(({ name }) => /(^|-)everything$/.test(name))) forms.push('everything');
  return forms;
}

/** Some servers list the operations of all types at the system level. */
function isOfGroup({ definition }: Operation): boolean {
  return /group-export(\|.*)?$/i.test(definition);
}

function patientSearch(resource: Fields): [string, string][] {
  const type = textOf(resource['type']);
  if (type === undefined) return [];
  const codes = listOf(resource, 'interaction').map(({ code }) => code);
  if (codes.length > 0 && !codes.includes('search-type')) return [];
  const names = listOf(resource, 'searchParam').map(({ name }) => name);
  const parameter =
    type === 'Patient' ? names.find((name) => name === '_id') : PATIENT_PARAMETERS.find((name) => names.includes(name));
  return typeof parameter === 'string' ? [[type, parameter]] : [];
}

function operationsOf(resource: Fields): Operation[] {
  return listOf(resource, 'operation').map(({ name, definition }) => ({
    name: (textOf(name) ?? '').replace(/^\$/, '').toLowerCase(),
    definition: textOf(definition) ?? '',
  }));
}

function nameAndVersion(software: Fields): string | undefined {
  const parts = [textOf(software['name']), textOf(software['version'])].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(' ').slice(0, 100);
}

function listOf(value: unknown, key: string): Fields[] {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
