const LINE_FEED = 10;

/** Rows of the text format of COPY, read from chunks that end anywhere; NULL comes as `\N`. */
export class CopyRows {
  /** The beginning of a row whose end has not come yet. */
  #rest: Buffer[] = [];

  /** The rows that this chunk completes, each by its columns. */
  read(chunk: Buffer): readonly (readonly string[])[] {
    const end = chunk.lastIndexOf(LINE_FEED);
    if (end === -1) {
      this.#rest.push(chunk);
      return [];
    }
    const whole = Buffer.concat([...this.#rest, chunk.subarray(0, end)]);
    this.#rest = end + 1 === chunk.length ? [] : [chunk.subarray(end + 1)];
    return whole.toString('utf8').split('\n').map(columnsOf);
  }
}

function columnsOf(row: string): readonly string[] {
  const columns = row.split('\t');
  return row.includes('\\') ? columns.map(unescaped) : columns;
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2 */
function unescaped(column: string): string {
  if (column === '\\N' || !column.includes('\\')) return column;
  return column.replace(/\\(.)/g, (_whole, character: string) => ESCAPES[character] ?? character);
}
