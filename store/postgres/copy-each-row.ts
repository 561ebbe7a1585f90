import type { Duplex } from 'node:stream';
import type { Connection, PoolClient, Submittable } from 'pg';
import type { CopiedRow } from './copy-rows.ts';
import { ReusedBuffer } from './reused-buffer.ts';

/** Before the first row: a signature, flags, the length of an extension and that many bytes. */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const EXTENSION_LENGTH_AT = SIGNATURE.length + 4;
const END_OF_ROWS = -1;

type OnRow = (bytes: Buffer, row: CopiedRow) => void;

/**
 * Runs statements one of which is a COPY to STDOUT in the binary format, in one message, and hands on each row as it comes:
 * for what is made of a few rows at once. The bytes hold until the next row.
 * @throws what `onRow` throws, once the statements are through
 */
export function copyEachRow(client: PoolClient, statements: string, onRow: OnRow): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown): void => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('COPY failed', { cause: error }));
    };
    client.query(new CopyQuery(statements, onRow, settle));
  });
}

/** A query whose answers the driver hands on (pg, `Query`), but for the rows: a message of COPY holds one. */
class CopyQuery implements Submittable {
  readonly #statements: string;
  readonly #onRow: OnRow;
  readonly #settle: (error: unknown) => void;
  #error: unknown;

  constructor(statements: string, onRow: OnRow, settle: (error: unknown) => void) {
    this.#statements = statements;
    this.#onRow = onRow;
    this.#settle = settle;
  }

  submit(connection: Connection): void {
    takeCopyData(connection.stream, (message) => this.#read(message));
    connection.query(this.#statements);
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

/** A letter, and the length of all that follows, its own four bytes included (Postgres, Message Formats). */
const HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const [COPY_DATA, READY_FOR_QUERY] = [0x64, 0x5a];

/**
 * Takes the messages of COPY out of what comes on a connection, until the server is ready for the next query. The driver makes
 * each of them whole in memory of its own, twice as long each time it grows: that is more garbage than there are bytes.
 */
function takeCopyData(stream: Duplex, onMessage: (message: Buffer) => void): void {
  const drivers = stream.listeners('data') as ((chunk: Buffer) => void)[];
  const toDriver = (chunk: Buffer): void => {
    for (const driver of drivers) driver(chunk);
  };
  const restore = (): void => {
    stream.removeListener('data', onData);
    for (const driver of drivers) stream.on('data', driver);
  };
  const head = Buffer.alloc(HEAD_BYTES);
  const room = new ReusedBuffer();
  let headBytes = 0;
  /** Of the message that has begun: what is still to come, and what of it is in `room`. */
  let left = 0;
  let kept = 0;

  const onHead = (): void => {
    left = head.readInt32BE(1) - LENGTH_BYTES;
    kept = 0;
    if (head[0] === COPY_DATA) return;
    if (head[0] === READY_FOR_QUERY) restore();
    toDriver(Buffer.from(head));
  };
  const onBody = (bytes: Buffer): void => {
    if (head[0] !== COPY_DATA) toDriver(bytes);
    else if (kept === 0 && left === 0) onMessage(bytes);
    else {
      const message = room.take(kept + bytes.length + left);
      kept += bytes.copy(message, kept);
      if (left === 0) onMessage(message);
    }
  };
  const onData = (chunk: Buffer): void => {
    let at = 0;
    while (at < chunk.length) {
      if (headBytes < HEAD_BYTES) {
        const copied = chunk.copy(head, headBytes, at);
        headBytes += copied;
        at += copied;
        if (headBytes < HEAD_BYTES) return;
        onHead();
      }
      const bytes = chunk.subarray(at, at + left);
      at += bytes.length;
      left -= bytes.length;
      if (bytes.length > 0) onBody(bytes);
      if (left === 0) headBytes = 0;
    }
  };
  for (const driver of drivers) stream.removeListener('data', driver);
  stream.on('data', onData);
}
