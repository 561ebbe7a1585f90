import type { StoredResource } from './fhir-store.ts';

/**
 * Records of one type, some at a time, for what reads very many: most of them are handed on as the bytes that they are. To
 * be used up before the next batch is asked for.
 */
export interface RecordBatch {
  /** Stored texts in UTF-8, and other bytes between them. */
  readonly bytes: Buffer;
  /** In the order in which they lie there. */
  readonly records: readonly BatchRecord[];
}

/** Made of the bytes when it is asked for. */
export interface BatchRecord extends StoredResource {
  /** Where its text lies, as it is stored: without `meta.versionId` and `meta.lastUpdated`. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Its text as it is stored. */
  readonly storedText: string;
  /** The two as the first properties of a `meta` that has more, with a comma behind them. */
  readonly metaStamp: Buffer;
}
