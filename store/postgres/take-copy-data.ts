import type { Duplex } from 'node:stream';
import { takeBytes } from './reading-socket.ts';
import type { ReusedBuffer } from './reused-buffer.ts';

/** A letter, and the length of all that follows, its own four bytes included (Postgres, Message Formats). */
const HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const [COPY_DATA, READY_FOR_QUERY] = [0x64, 0x5a];

/**
 * Takes the messages of COPY out of what comes on a connection, until the server is ready for the next query. The driver makes
 * each of them whole in memory of its own, twice as long each time it grows: that is more garbage than there are bytes. A message
 * that did not come in one piece is put together in `room`.
 */
export function takeCopyData(stream: Duplex, room: ReusedBuffer, onMessage: (message: Buffer) => void): void {
  const head = Buffer.alloc(HEAD_BYTES);
  let headBytes = 0;
  /** Of the message that has begun: what is still to come, and what of it is in `room`. */
  let left = 0;
  let kept = 0;

  const onHead = (): void => {
    left = head.readInt32BE(1) - LENGTH_BYTES;
    kept = 0;
    if (head[0] === COPY_DATA) return;
    if (head[0] === READY_FOR_QUERY) taken.end();
    taken.pass(head);
  };
  const onBody = (bytes: Buffer): void => {
    if (head[0] !== COPY_DATA) taken.pass(bytes);
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
      if (at < chunk.length) taken.pass(chunk.subarray(at));
      return;
    }
  };
  const taken = takeBytes(stream, onData);
}
