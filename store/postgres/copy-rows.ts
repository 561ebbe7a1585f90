/** Rows of a COPY, and the bytes that they lie in: these are written over once the next rows are read. */
export interface CopiedRows {
  readonly bytes: Buffer;
  readonly rows: readonly CopiedRow[];
}

/** Where a row lies; `columnStart` tells of its columns. */
export interface CopiedRow {
  readonly start: number;
  /** Exclusive; that of its last column as well. */
  readonly end: number;
}

const SIGNATURE_BYTES = 11;
const END_OF_ROWS = -1;
const NULL_LENGTH = -1;
/** Of the number of columns, and of the length before each of them. */
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

/** Where the value of a column begins, counted from nothing; its length stands before it. */
export function columnStart(bytes: Buffer, { start }: CopiedRow, column: number): number {
  let at = start + COUNT_BYTES + LENGTH_BYTES;
  for (let passed = 0; passed < column; passed++) at += Math.max(lengthAt(bytes, at), 0) + LENGTH_BYTES;
  return at;
}

/** Of the value that begins here; undefined for NULL. */
export function columnEnd(bytes: Buffer, start: number): number | undefined {
  const length = lengthAt(bytes, start);
  return length === NULL_LENGTH ? undefined : start + length;
}

const lengthAt = (bytes: Buffer, start: number): number => bytes.readInt32BE(start - LENGTH_BYTES);

/**
 * Rows of the binary format of COPY, read from chunks that end anywhere
 * (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4).
 */
export class CopyRows {
  #hasBegun = false;
  #bytes = Buffer.alloc(0);
  /** How much of the bytes is the beginning of a row whose end has not come yet. */
  #rest = 0;

  /** The rows that these chunks complete. Nothing is made of a column: most are handed on as the bytes that they are. */
  read(chunks: readonly Buffer[]): CopiedRows {
    const bytes = this.#withRest(chunks);
    const rows: CopiedRow[] = [];
    let at = this.#hasBegun ? 0 : headerEnd(bytes);
    this.#hasBegun ||= at > 0;
    for (let end = this.#hasBegun ? rowEnd(bytes, at) : 0; end > 0; end = rowEnd(bytes, at)) {
      rows.push({ start: at, end });
      at = end;
    }
    this.#rest = bytes.length - at;
    return { bytes, rows };
  }

  #withRest(chunks: readonly Buffer[]): Buffer {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, this.#rest);
    const kept = this.#bytes.subarray(this.#bytes.length - this.#rest);
    const room = this.#bytes.buffer.byteLength;
    const bytes = room < length ? Buffer.allocUnsafeSlow(2 * length) : Buffer.from(this.#bytes.buffer);
    kept.copy(bytes);
    let at = kept.length;
    for (const chunk of chunks) at += chunk.copy(bytes, at);
    this.#bytes = bytes.subarray(0, at);
    return this.#bytes;
  }
}

/** Zero where the header has not come as a whole. */
function headerEnd(bytes: Buffer): number {
  const fixed = SIGNATURE_BYTES + 8;
  if (bytes.length < fixed) return 0;
  const end = fixed + bytes.readInt32BE(SIGNATURE_BYTES + 4);
  return bytes.length < end ? 0 : end;
}

/** Zero where the row has not come as a whole, and behind the last one. */
function rowEnd(bytes: Buffer, start: number): number {
  if (bytes.length < start + COUNT_BYTES) return 0;
  const count = bytes.readInt16BE(start);
  if (count === END_OF_ROWS) return 0;
  let at = start + COUNT_BYTES;
  for (let column = 0; column < count; column++) {
    if (bytes.length < at + LENGTH_BYTES) return 0;
    at += LENGTH_BYTES + Math.max(bytes.readInt32BE(at), 0);
  }
  return bytes.length < at ? 0 : at;
}
