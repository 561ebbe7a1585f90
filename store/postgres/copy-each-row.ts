import type { Connection, PoolClient, Submittable } from 'pg';
import type { CopiedRow } from './copy-rows.ts';
import type { ReusedBuffer } from './reused-buffer.ts';
import { takeCopyData } from './take-copy-data.ts';

/** Before the first row: a signature, flags, the length of an extension and that many bytes. */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const EXTENSION_LENGTH_AT = SIGNATURE.length + 4;
const END_OF_ROWS = -1;

interface EachRowOptions {
  readonly statements: string;
  /** For rows that do not come in one piece. */
  readonly room: ReusedBuffer;
}

type OnRow = (bytes: Buffer, row: CopiedRow) => void;

/**
 * Runs statements one of which is a COPY to STDOUT in the binary format, in one message, and hands on each row as it comes:
 * for what is made of a few rows at once. The bytes hold until the next row.
 * @throws what `onRow` throws, once the statements are through
 */
export function copyEachRow(client: PoolClient, { statements, room }: EachRowOptions, onRow: OnRow): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown): void => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('COPY failed', { cause: error }));
    };
    client.query(new CopyQuery({ statements, room }, onRow, settle));
  });
}

/** A query whose answers the driver hands on (pg, `Query`), but for the rows: a message of COPY holds one. */
class CopyQuery implements Submittable {
  readonly #options: EachRowOptions;
  readonly #onRow: OnRow;
  readonly #settle: (error: unknown) => void;
  #error: unknown;

  constructor(options: EachRowOptions, onRow: OnRow, settle: (error: unknown) => void) {
    this.#options = options;
    this.#onRow = onRow;
    this.#settle = settle;
  }

  submit(connection: Connection): void {
    const { statements, room } = this.#options;
    takeCopyData(connection.stream, room, (message) => {
      this.#read(message);
    });
    connection.query(statements);
  }

  handleCommandComplete(): void {
    // What counts is that the server is ready again.
  }

  /** A connection that is lost says so here as well. */
  handleError(error: Error): void {
    this.#settle(error);
  }

  handleReadyForQuery(): void {
    this.#settle(this.#error);
  }

  #read(message: Buffer): void {
    const start = rowStart(message);
    if (this.#error !== undefined || start === message.length || message.readInt16BE(start) === END_OF_ROWS) return;
    try {
      this.#onRow(message, { start, end: message.length });
    } catch (error) {
      this.#error = error;
    }
  }
}

function rowStart(message: Buffer): number {
  if (message.length < SIGNATURE.length || message.compare(SIGNATURE, 0, SIGNATURE.length, 0, SIGNATURE.length) !== 0) {
    return 0;
  }
  return EXTENSION_LENGTH_AT + 4 + message.readInt32BE(EXTENSION_LENGTH_AT);
}
