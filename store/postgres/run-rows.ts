import { KEY } from './rows.ts';

/** Runs of versions `k(patient, version, ids)` of one type: their ids have a space between two. */
export interface RunRows {
  /** Columns of `r`. */
  readonly columns: string;
  /** A literal. */
  readonly type: string;
  /** Condition, of a compartment or of all. */
  readonly among: keyof typeof AMONG;
}

/** With nothing added to it, the number of a publication would have Postgres take the index by publication. */
const AMONG = {
  compartment: 'r.patient_id = k.patient AND r.publication_id + 0 = k.version',
  all: 'k.patient IS NULL AND r.publication_id = k.version',
} as const;

/**
 * The versions of a run `k` in the order of ids, by all keys at once: those of a compartment lie side by side in the index, and
 * Postgres finds them on its way from the first one to the last one, which takes a third of what it takes to ask for each.
 */
export function rowsOfRun({ columns, type, among }: RunRows): string {
  const keys = `string_to_array(concat(${type}, '/', replace(k.ids, ' ', concat(' ', ${type}, '/'))), ' ')`;
  return `(SELECT ${columns} FROM resource r WHERE ${AMONG[among]} AND ${KEY} = ANY (${keys}) ORDER BY ${KEY})`;
}
