import { alternatives, unescaped } from '../../fhir/filter-values.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import type { NameQuery } from '../../store/search-query.ts';

export interface Narrowing {
  readonly query: NameQuery;
  /** The index alone answers it; else each record that it leads to has to be asked as well. */
  readonly isExact: boolean;
}

type Part = NameQuery['part'];

const HUMAN = { name: undefined, family: 'family', given: 'given' } as const;
const PLACE = { name: undefined, address: 'address' } as const;

/** Which part of the index of names a search parameter is looked up in; `undefined` for all parts of names. */
const PARTS: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  Patient: { ...HUMAN, birthdate: 'born' },
  Practitioner: HUMAN,
  Organization: PLACE,
  Location: PLACE,
  PractitionerRole: { specialty: 'specialty', practitioner: 'practitioner' },
};

/** Undefined where the index does not help. */
export function narrowingName(
  type: string,
  name: string,
  modifier: string | undefined,
  value: string,
): Narrowing | undefined {
  const parts = PARTS[type] ?? {};
  if (!Object.hasOwn(parts, name) || (modifier !== undefined && modifier !== 'exact')) return undefined;
  const part = parts[name];
  const anyOf = alternatives(value).map((each) => indexedWord(part, each));
  if (!anyOf.every((word) => word !== undefined)) return undefined;
  const isOfName = part === undefined || part === 'family' || part === 'given' || part === 'address';
  return { query: { ...(part && { part }), anyOf }, isExact: isOfName && modifier === undefined };
}

function indexedWord(part: Part, value: string): string | undefined {
  const written = unescaped(value);
  switch (part) {
    case 'born':
      return /^(?:eq)?\d{4}-\d{2}-\d{2}$/.test(written) ? written.slice(-'2000-01-01'.length) : undefined;
    case 'specialty': {
      const code = written.slice(written.indexOf('|') + 1);
      return code === '' ? undefined : code;
    }
    case 'practitioner': {
      const parsed = parseReference(written);
      return parsed.kind === 'literal' ? parsed.id : written.replace(/^.*\//, '');
    }
    default:
      return written;
  }
}
