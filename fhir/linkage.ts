import type { Linkage } from 'fhir/r4.js';
import { hashedId } from './identifiers.ts';

/** Types that several payers hold of the same real thing, and whose identifiers say so. */
export const LINKED_TYPES: readonly string[] = ['Location', 'Organization', 'Practitioner'];

export interface LinkedPair {
  /** `Type/id` of the one that was known first. */
  readonly known: string;
  /** `Type/id` of the one that came. */
  readonly imported: string;
}

export const linkageId = ({ known, imported }: LinkedPair): string => hashedId(['linkage', known, imported]);

/** Says that two records are of one practitioner, organization or location; `author`: `Organization/<id>` of ours. */
export function linkageOf(pair: LinkedPair, author: string | undefined): Linkage {
  return {
    resourceType: 'Linkage',
    id: linkageId(pair),
    active: true,
    ...(author !== undefined && { author: { reference: author } }),
    item: [
      { type: 'source', resource: { reference: pair.known } },
      { type: 'alternate', resource: { reference: pair.imported } },
    ],
  };
}

/** A record with the same identifier as the one that came. */
export interface KnownCandidate {
  /** `Type/id`. */
  readonly key: string;
  readonly isNative: boolean;
}

/** Several could be meant. */
export const AMBIGUOUS = Symbol('ambiguous');

/**
 * The one that a record is linked with: ours; where we have none, that of another payer which others of its kind are linked
 * with already. Undefined where there is none but those that are linked with the record itself.
 */
export function knownSource(
  imported: string,
  candidates: readonly KnownCandidate[],
  isLinked: (pair: LinkedPair) => boolean,
): string | typeof AMBIGUOUS | undefined {
  const native = candidates.filter(({ isNative }) => isNative);
  const keys = (native.length > 0 ? native : candidates).map(({ key }) => key);
  const sources = keys.filter((key) => ![imported, ...keys].some((known) => isLinked({ known, imported: key })));
  return sources.length > 1 ? AMBIGUOUS : sources[0];
}
