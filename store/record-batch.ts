import type { Unmarked } from '../fhir/record-marks.ts';
import type { CompartmentQuery, StoredResource } from './fhir-store.ts';

/** Records of one type, some at a time, for what reads very many; to be used up before the next ones are asked for. */
export type RecordBatch = readonly BatchRecord[];

/** A longer text is read whatever its marks decide: it goes into a file as bytes, of which a reader is given some at a time. */
export const LONG_RECORD_BYTES = 1024 * 1024;

/** Where a record stands that lies in a compartment (`record-page.ts`). */
export interface RecordPlace {
  readonly page: bigint;
  readonly row: number;
}

/** Made of what was read when it is asked for. */
export interface BatchRecord extends StoredResource {
  /** Its `versionId`. */
  readonly version: bigint;
  /** Of its text (`fhir/record-marks.ts`); undefined where it was never looked at. */
  readonly marks: number | undefined;
  /** By the marks that the query names it is decided what becomes of it: its text was not read, and is empty here. */
  readonly isUnread: boolean;
  /** Bytes of its text as it is stored: without `meta.versionId` and `meta.lastUpdated`. */
  readonly size: number;
  /** Its text as it is stored. */
  readonly storedText: string;
  /** The two as the first properties of a `meta` that has more, with a comma behind them: so many bytes. */
  readonly stampSize: number;
  /** `Type/id` of what goes along with it, with a space between two; some are missing where its marks say so. */
  readonly sharedReferences: string | undefined;
  /** Undefined where no compartment holds it. */
  readonly place: RecordPlace | undefined;
}

export interface BulkQuery extends Omit<CompartmentQuery, 'patientIds' | 'types'> {
  readonly patientIds: readonly string[] | 'everybody';
  /** Texts that are not read; absent: all of them are. */
  readonly unmarked?: Unmarked | undefined;
}
