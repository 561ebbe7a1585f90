import type { Failure } from './failures.ts';

/** How a searchset Bundle that has more than one page is given. */
export interface PagingBehaviour {
  /** Entries of a page at most; a smaller `_count` prevails. Fixed by the first page. */
  pageSize: number;
  links: 'absolute' | 'relative' | 'other-origin';
  /** After so many pages a next link is gone, once: using it up sets `null`. */
  expireLinkAfterPages: number | null;
  failures: Failure[];
  /** The failures meet only pages from this one on, counted from 1. */
  failuresFromPage: number;
}

export interface EverythingBehaviour extends PagingBehaviour {
  enabled: boolean;
  /** Others are refused. */
  supportedParameters: string[];
  /** Practitioners, organizations and the like come with every page, not once. */
  repeatShared: boolean;
  /** The last page ends in an OperationOutcome of search mode `outcome`. */
  outcomeEntry: boolean;
  pretty: boolean;
}

export interface SearchBehaviour extends PagingBehaviour {
  enabled: boolean;
  /** Types that may be searched; `null` for all. */
  types: string[] | null;
  /** Names of the parameters for the patient, where a type has others than usual. */
  patientParameters: Record<string, string[]>;
}

export interface BatchBehaviour {
  enabled: boolean;
  /** A longer Bundle is 413; `null` for no limit. */
  maxEntries: number | null;
  failures: Failure[];
}

export interface ReadBehaviour {
  /** Status of the refusal, `null` allows searches and reads. */
  refusedWith: number | null;
  /** Types that may be read; `null` for all. */
  types: string[] | null;
  failures: Failure[];
}

const PAGES = { pageSize: 50, links: 'absolute', expireLinkAfterPages: null, failuresFromPage: 1 } as const;

export function defaultEverything(): EverythingBehaviour {
  return {
    enabled: false,
    supportedParameters: ['_count', '_since', '_type'],
    repeatShared: false,
    outcomeEntry: false,
    pretty: false,
    ...PAGES,
    failures: [],
  };
}

export function defaultSearch(): SearchBehaviour {
  return { enabled: false, types: null, patientParameters: {}, ...PAGES, failures: [] };
}

export function defaultBatch(): BatchBehaviour {
  return { enabled: false, maxEntries: null, failures: [] };
}

export function defaultReads(): ReadBehaviour {
  return { refusedWith: null, types: null, failures: [] };
}
