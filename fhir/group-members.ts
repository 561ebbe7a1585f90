import { dateRange } from './date-range.ts';
import { identifiersOf, parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { listOf } from './member-match.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';

/** Ids of the Patients who belong to a Group at the instant: neither inactive nor past their period, each once. */
export function groupMembers(group: Fields, now: Date): readonly string[] {
  const ids = new Set<string>();
  for (const { entity, inactive, period } of listOf(group, 'member')) {
    const range = dateRange(period);
    const isNow = range === undefined || (range.low <= now.getTime() && now.getTime() < range.high);
    const reference = isRecord(entity) ? entity['reference'] : undefined;
    const parsed = typeof reference === 'string' && isNow && inactive !== true ? parseReference(reference) : undefined;
    if (parsed?.kind === 'literal' && parsed.type === 'Patient') ids.add(parsed.id);
  }
  return [...ids];
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
