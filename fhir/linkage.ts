import type { Linkage } from 'fhir/r4.js';
import { hashedId } from './identifiers.ts';

/** Types that several payers hold of the same real thing, and whose identifiers say so. */
export const LINKED_TYPES: readonly string[] = ['Location', 'Organization', 'Practitioner'];

export interface LinkedPair {
  /** `Type/id` of the one that was known first. */
  readonly known: string;
  /** `Type/id` of the one that came. */
  readonly imported: string;
  /** `Organization/<id>` of ours. */
  readonly author: string | undefined;
}

/** Says that two records are of one practitioner, organization or location; the same pair gives the same resource. */
export function linkageOf({ known, imported, author }: LinkedPair): Linkage {
  return {
    resourceType: 'Linkage',
    id: hashedId(['linkage', known, imported]),
    active: true,
    ...(author !== undefined && { author: { reference: author } }),
    item: [
      { type: 'source', resource: { reference: known } },
      { type: 'alternate', resource: { reference: imported } },
    ],
  };
}
