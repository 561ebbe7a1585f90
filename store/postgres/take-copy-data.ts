import type { Duplex } from 'node:stream';
import { ReusedBuffer } from './reused-buffer.ts';

/** A letter, and the length of all that follows, its own four bytes included (Postgres, Message Formats). */
const HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const [COPY_DATA, READY_FOR_QUERY] = [0x64, 0x5a];

/**
 * Takes the messages of COPY out of what comes on a connection, until the server is ready for the next query. The driver makes
 * each of them whole in memory of its own, twice as long each time it grows: that is more garbage than there are bytes.
 */
export function takeCopyData(stream: Duplex, onMessage: (message: Buffer) => void): void {
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
      if (left > 0) continue;
      headBytes = 0;
      if (head[0] !== READY_FOR_QUERY) continue;
      // What the server says of itself may come behind it.
      if (at < chunk.length) toDriver(chunk.subarray(at));
      return;
    }
  };
  for (const driver of drivers) stream.removeListener('data', driver);
  stream.on('data', onData);
}
