/** A column of a row as it came; undefined for NULL. */
export type Column = Buffer | undefined;

const SIGNATURE_BYTES = 11;
const END_OF_ROWS = -1;
const NULL_LENGTH = -1;

/**
 * Rows of the binary format of COPY, read from chunks that end anywhere
 * (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4).
 */
export class CopyRows {
  #hasBegun = false;
  /** The beginning of a row whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);

  /** The rows that this chunk completes, each by its columns: views of the chunk, not copies. */
  read(chunk: Buffer): readonly (readonly Column[])[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const rows: (readonly Column[])[] = [];
    let at = this.#hasBegun ? 0 : headerEnd(bytes);
    this.#hasBegun ||= at > 0;
    for (let row = this.#hasBegun ? rowAt(bytes, at) : undefined; row !== undefined; row = rowAt(bytes, at)) {
      rows.push(row.columns);
      at = row.end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
    return rows;
  }
}

/** Zero where the header has not come as a whole. */
function headerEnd(bytes: Buffer): number {
  const fixed = SIGNATURE_BYTES + 8;
  if (bytes.length < fixed) return 0;
  const end = fixed + bytes.readInt32BE(SIGNATURE_BYTES + 4);
  return bytes.length < end ? 0 : end;
}

/** Undefined where the row has not come as a whole, and behind the last one. */
function rowAt(
  bytes: Buffer,
  start: number,
): { readonly columns: readonly Column[]; readonly end: number } | undefined {
  if (bytes.length < start + 2) return undefined;
  const count = bytes.readInt16BE(start);
  if (count === END_OF_ROWS) return undefined;
  const columns: Column[] = [];
  let at = start + 2;
  for (let column = 0; column < count; column++) {
    if (bytes.length < at + 4) return undefined;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === NULL_LENGTH) {
      columns.push(undefined);
      continue;
    }
    if (bytes.length < at + length) return undefined;
    columns.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { columns, end: at };
}
