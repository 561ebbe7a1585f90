import { Socket } from 'node:net';
import type { OnReadOpts, SocketConstructorOpts } from 'node:net';
import type { Duplex } from 'node:stream';

const BYTES_AT_ONCE = 64 * 1024;

type Taker = (bytes: Buffer) => void;

/**
 * Reads into the same memory again and again, where each reading has memory of its own otherwise. Of what goes through as
 * bytes that is more work for the collector than there is with the bytes.
 */
export class ReadingSocket extends Socket {
  /** Gets what is read in place of the stream; it holds until the taker returns. */
  taker: Taker | undefined;

  constructor() {
    const onread: OnReadOpts = {
      buffer: Buffer.allocUnsafeSlow(BYTES_AT_ONCE),
      callback: (length, memory) => this.#read(Buffer.from(memory.buffer, memory.byteOffset, length)),
    };
    // The types know it of a connection alone.
    super({ onread } as SocketConstructorOpts);
  }

  /** False where whoever reads the stream has enough for now. */
  #read(bytes: Buffer): boolean {
    if (this.taker === undefined) return this.push(Buffer.from(bytes));
    this.taker(bytes);
    return true;
  }
}

/** What a connection to the database reads with; one with TLS has its bytes deciphered into memory of Node's own. */
export const databaseSocket = (connection?: { readonly ssl?: unknown }): Socket =>
  Boolean(connection?.ssl) ? new Socket() : new ReadingSocket();

export interface TakenBytes {
  /** To those who listened before; these may keep what they get. */
  pass(bytes: Buffer): void;
  /** From now on they get everything again. */
  end(): void;
}

/** Takes what comes on a connection before those who listen to it. */
export function takeBytes(stream: Duplex, taker: Taker): TakenBytes {
  const listeners = stream.listeners('data') as Taker[];
  const pass = (bytes: Buffer): void => {
    const copy = Buffer.from(bytes);
    for (const listener of listeners) listener(copy);
  };
  if (stream instanceof ReadingSocket) {
    stream.taker = taker;
    return { pass, end: () => (stream.taker = undefined) };
  }
  for (const listener of listeners) stream.removeListener('data', listener);
  stream.on('data', taker);
  return {
    pass,
    end() {
      stream.removeListener('data', taker);
      for (const listener of listeners) stream.on('data', listener);
    },
  };
}
