import { dateRange } from './date-range.ts';
import { identifiersOf, parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { pruneJson } from './json-prune.ts';
import { listOf } from './member-match.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';

/** Ids of the Patients who belong to a Group at the instant: neither inactive nor past their period, each once. */
export function groupMembers(group: Fields, now: Date): readonly string[] {
  const ids = new Set<string>();
  for (const { entity, inactive, period } of listOf(group, 'member')) {
    const range = dateRange(period);
    const isNow = range === undefined || (range.low <= now.getTime() && now.getTime() < range.high);
    const id = isNow && inactive !== true ? patientOf(entity) : undefined;
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

/** Ids of the Patients whom a Group names as members, whether they belong to it now or not, each once. */
export function namedMembers(group: Fields): readonly string[] {
  return [...new Set(listOf(group, 'member').flatMap(({ entity }) => patientOf(entity) ?? []))];
}

/**
 * The text of a Group for who knows of these members alone: without the others, and without what may tell of them (how
 * many there are, narrative, contained resources, extensions).
 */
export function groupOfMembers(text: string, group: Fields, known: ReadonlySet<string>): string {
  return pruneJson(text, group, ([element = '', inner, ...deeper], value) => {
    if (deeper.length > 0) return 'keep';
    if (inner !== undefined) return OF_PARTS[element]?.has(inner) === false ? 'remove' : 'keep';
    if (element === 'member') return isAbout(value, 'entity', known) === true ? 'keep' : 'remove';
    if (element === 'characteristic') return isAbout(value, 'valueReference', known) === false ? 'remove' : 'keep';
    return OF_THE_WHOLE.has(element) ? 'keep' : 'remove';
  });
}

const OF_THE_WHOLE: ReadonlySet<string> = new Set([
  ...['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension', 'identifier', 'active', 'type', 'actual'],
  ...['code', 'name', 'managingEntity'],
]);
const OF_PARTS: Readonly<Record<string, ReadonlySet<string>>> = {
  member: new Set(['entity', 'period', 'inactive']),
  characteristic: new Set([
    ...['code', 'valueCodeableConcept', 'valueBoolean', 'valueQuantity', 'valueRange', 'valueReference'],
    ...['exclude', 'period'],
  ]),
};

/** Whether a part names one of these Patients; undefined where it names none. */
function isAbout(part: unknown, element: string, known: ReadonlySet<string>): boolean | undefined {
  const id = isRecord(part) ? patientOf(part[element]) : undefined;
  return id === undefined ? undefined : known.has(id);
}

function patientOf(reference: unknown): string | undefined {
  const written = isRecord(reference) ? reference['reference'] : undefined;
  const parsed = typeof written === 'string' ? parseReference(written) : undefined;
  return parsed?.kind === 'literal' && parsed.type === 'Patient' ? parsed.id : undefined;
}

/** How a Group names an Organization: by its id here, or by identifiers. */
export interface NamedOrganization {
  readonly id?: string;
  readonly identifiers: readonly BusinessIdentifier[];
}

/**
 * The Organizations that a Group is for: its managing entity, and those that a characteristic points to (PDex: the
 * requesting payer of a match). A reference that is none of ours still names somebody.
 */
export function namedOrganizations(group: Fields): readonly NamedOrganization[] {
  const characteristics = listOf(group, 'characteristic').filter(({ exclude }) => exclude !== true);
  const references = [group['managingEntity'], ...characteristics.map(({ valueReference }) => valueReference)];
  return references.filter(isRecord).flatMap((reference): NamedOrganization[] => {
    const identifiers = identifiersOf(reference);
    const written = reference['reference'];
    const parsed = typeof written === 'string' ? parseReference(written) : undefined;
    if (parsed?.kind === 'literal') return parsed.type === 'Organization' ? [{ id: parsed.id, identifiers }] : [];
    if (reference['type'] !== undefined && reference['type'] !== 'Organization') return [];
    return [{ identifiers }];
  });
}
