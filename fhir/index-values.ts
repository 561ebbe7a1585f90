import { createHash } from 'node:crypto';
import { parseReference } from './identifiers.ts';

/** What a store indexes of a resource: the values that matching and searches without a patient look for. */
export interface IndexValues {
  /** `system` is empty where the identifier has none. */
  readonly identifiers: readonly { readonly system: string; readonly value: string }[];
  readonly names: readonly IndexedName[];
  /** Ids of the Patients that a Patient is linked with as `seealso`. */
  readonly linkedPatients: readonly string[];
}

/** `born`: the birth date of a Patient, and behind it a family name; for matching alone, and in no search by name. */
export type NamePart = 'family' | 'given' | 'other' | 'born' | LookedUpPart;

/** Parts of an address, of Organizations and Locations; of PractitionerRoles codes and ids. Searched by each on its own. */
type LookedUpPart = 'address' | 'specialty' | 'practitioner';

export interface IndexedName {
  readonly part: NamePart;
  /** As `searchableName` gives it. */
  readonly name: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The types that are looked up by identifier or name without a patient. */
export const LOOKED_UP_TYPES: ReadonlySet<string> = new Set([
  'Coverage',
  'Group',
  'Location',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
]);

export const NAMED_TYPES: ReadonlySet<string> = new Set([
  'Group',
  'Location',
  'Organization',
  'Patient',
  'Practitioner',
]);

const MAX_INDEXED_BYTES = 600;
const MAX_NAME_LENGTH = 200;

/** An index entry has a greatest length, and a database text no NUL: a value beyond either is indexed by its digest. */
export function indexable(value: string): string {
  if (Buffer.byteLength(value) <= MAX_INDEXED_BYTES && !value.includes('\0')) return value;
  return `sha256:${createHash('sha256').update(value).digest('hex')}`;
}

/** Without case, accents and surplus space (http://hl7.org/fhir/R4/search.html#string). */
export function searchableName(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('\0', '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_NAME_LENGTH);
}

export function indexValuesOf(resource: Fields): IndexValues {
  const type = typeof resource['resourceType'] === 'string' ? resource['resourceType'] : '';
  if (!LOOKED_UP_TYPES.has(type)) return { identifiers: [], names: [], linkedPatients: [] };
  return {
    identifiers: unique(identifiersIn(resource, type)),
    names: unique([
      ...(NAMED_TYPES.has(type) ? namesIn(resource) : []),
      ...(type === 'Patient' ? bornNames(resource) : []),
      ...lookedUpParts(resource, type),
    ]),
    linkedPatients: type === 'Patient' ? unique(seeAlsoPatients(resource)) : [],
  };
}

function identifiersIn(resource: Fields, type: string): { system: string; value: string }[] {
  const found = list(resource['identifier']).flatMap((entry) => {
    if (!isRecord(entry) || typeof entry['value'] !== 'string') return [];
    const system = typeof entry['system'] === 'string' ? entry['system'] : '';
    return [{ system: indexable(system), value: indexable(entry['value']) }];
  });
  // The subscriber's number is how a card names the member, but no Identifier in FHIR R4.
  const subscriber = type === 'Coverage' ? resource['subscriberId'] : undefined;
  return typeof subscriber === 'string' ? [...found, { system: '', value: indexable(subscriber) }] : found;
}

function namesIn(resource: Fields): IndexedName[] {
  return [...list(resource['name']), ...list(resource['alias'])].flatMap((name) => {
    if (typeof name === 'string') return partsOf('other', name);
    if (!isRecord(name)) return [];
    return [
      ...partsOf('family', name['family']),
      ...partsOf('given', name['given']),
      ...partsOf('other', name['text']),
      ...partsOf('other', name['prefix']),
      ...partsOf('other', name['suffix']),
    ];
  });
}

function bornNames(patient: Fields): IndexedName[] {
  const date = patient['birthDate'];
  if (typeof date !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(date)) return [];
  const families = list(patient['name']).flatMap((name) => (isRecord(name) ? partsOf('family', name['family']) : []));
  return families.length === 0
    ? partsOf('born', date)
    : families.flatMap(({ name }) => partsOf('born', `${date} ${name}`));
}

/** What PDex wants to be searched by of types that belong to nobody. */
function lookedUpParts(resource: Fields, type: string): IndexedName[] {
  if (type === 'Organization' || type === 'Location') {
    const parts = ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'];
    const addresses = list(resource['address']).filter(isRecord);
    return addresses.flatMap((address) => parts.flatMap((name) => partsOf('address', address[name])));
  }
  if (type !== 'PractitionerRole') return [];
  const codings = list(resource['specialty']).flatMap((each) => (isRecord(each) ? list(each['coding']) : []));
  const reference = isRecord(resource['practitioner']) ? resource['practitioner']['reference'] : undefined;
  const practitioner = typeof reference === 'string' ? parseReference(reference) : undefined;
  return [
    ...codings.flatMap((coding) => (isRecord(coding) ? partsOf('specialty', coding['code']) : [])),
    ...(practitioner?.kind === 'literal' ? partsOf('practitioner', practitioner.id) : []),
  ];
}

function partsOf(part: NamePart, value: unknown): IndexedName[] {
  return list(value).flatMap((text) => {
    const name = typeof text === 'string' ? searchableName(text) : '';
    return name === '' ? [] : [{ part, name }];
  });
}

function seeAlsoPatients(patient: Fields): string[] {
  return list(patient['link']).flatMap((link) => {
    if (!isRecord(link) || link['type'] !== 'seealso' || !isRecord(link['other'])) return [];
    const reference = link['other']['reference'];
    const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
    return parsed?.kind === 'literal' && parsed.type === 'Patient' ? [parsed.id] : [];
  });
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
