import type { Unmarked } from '../fhir/record-marks.ts';

/**
 * Rows of one page, as many as are handled in one go, that were not read: `unmarked` ones go out as they are stored, `over`
 * ones are withheld by the look-back (`fhir/record-marks.ts`); the texts of the `rest` have to be read.
 */
export interface RecordRun {
  readonly kind: 'unmarked' | 'over' | 'rest';
  readonly page: bigint;
  /** With a space between two; empty for all that stand on the page, which unmarked ones may be. */
  readonly rows: string;
  readonly patientId: string;
  /** `versionId` of each. */
  readonly version: bigint;
  readonly lastUpdated: string;
  readonly count: number;
  /** Of their lines as they go out, with their ends. */
  readonly bytes: number;
  /** Of all their ids. */
  readonly idBytes: number;
  /** As `sharedReferences` of the records, with a space between two; of unmarked ones alone. */
  readonly sharedReferences: string | undefined;
}

/** What is longer is of the rest: so many lines are not much longer than usual ones. */
export const RUN_RECORD_BYTES = 16 * 1024;

export interface RunQuery {
  readonly patientIds: readonly string[];
  readonly unmarked: Unmarked;
  /** At the most. */
  readonly recordsPerRun: number;
  /** As those of a compartment have it. */
  readonly asOf?: string;
  readonly since?: string;
  readonly origin?: 'all' | 'native' | 'imported';
}
