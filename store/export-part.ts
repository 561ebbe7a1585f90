import type { ExportFile } from './export-files.ts';

export type ExportFileKey = Pick<ExportFile, 'jobId' | 'type' | 'number'>;

/** Lines of one publication that go out as their records are stored, in the order of rows, or of ids. */
export interface PartRun {
  /** Of whom they are; undefined where nobody asks for it. */
  readonly memberId: string | undefined;
  /** That all of them stand on (`record-page.ts`); undefined where they are named by ids. */
  readonly page: bigint | undefined;
  readonly version: bigint;
  /** With a space between two, each once: rows of the page, empty for all of them; without a page, ids. */
  readonly records: string;
  readonly count: number;
  /** Of the ids of all of them. */
  readonly idBytes: number;
}

/** Records of one type, on one page, that a kept line names. */
export interface NamedRun {
  readonly type: string;
  readonly page: bigint;
  /** As those of a `PartRun` on a page. */
  readonly records: string;
}

/** Where a kept line names the records of the next `NamedRun`. RS: nowhere in JSON text (RFC 7464). */
export const NAMES_PLACE = '\x1e';

/** Some lines of an exported file, one behind the other; of a long line, which is kept, a piece. */
export interface ExportPart {
  /** Of the first one within the file. */
  readonly offset: number;
  /** Of all of them, each with its end. */
  readonly bytes: number;
  readonly runs: readonly PartRun[];
  /** What the kept lines name instead, each in a `NAMES_PLACE` of theirs, as targets of a Provenance; there are no `runs` then. */
  readonly names: readonly NamedRun[];
  /** The lines that are kept, each with its end, behind those of the runs. */
  readonly kept: Uint8Array;
  /** Of whom the kept ones are: a line for each member, `member<TAB>id id …`. */
  readonly targets: string;
}
