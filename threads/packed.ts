import type { PreparedBatch, ReceivedLine } from '../activities/requester/import-threads.ts';
import type { OpenTarget, RefusedLine } from '../store/fhir-store.ts';

/*
 * Batches on their way between threads: all bytes in one piece, whose memory is handed over and not copied, and a column
 * for each property, which is copied much faster than an object for each row. Pieces of memory go to and fro: what is
 * made anew for each batch has the collector look through all the rest, too.
 */

export interface PackedLines extends Joined {
  readonly numbers: Int32Array<ArrayBuffer>;
  readonly tooLong: Uint8Array<ArrayBuffer>;
}

export interface PackedBatch extends Joined {
  readonly types: readonly string[];
  readonly ids: readonly string[];
  readonly hashes: readonly string[];
  readonly patientIds: readonly (string | undefined)[];
  readonly marks: Int32Array<ArrayBuffer>;
  readonly sharedReferences: readonly (string | undefined)[];
  readonly lines: readonly (number | undefined)[];
  readonly refused: readonly RefusedLine[];
  readonly openTargets: readonly OpenTarget[];
}

interface Joined {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Exclusive; each piece begins where the one before it ends. */
  readonly ends: Int32Array<ArrayBuffer>;
}

export function packLines(lines: readonly ReceivedLine[], memory: Memory): PackedLines {
  return {
    ...joined(
      lines.map(({ bytes }) => bytes),
      memory,
    ),
    numbers: Int32Array.from(lines, ({ number }) => number),
    tooLong: Uint8Array.from(lines, ({ tooLong }) => Number(tooLong)),
  };
}

export function unpackLines(packed: PackedLines): readonly ReceivedLine[] {
  return Array.from(packed.numbers, (number, index) => ({
    ...{ number, bytes: piece(packed, index), tooLong: packed.tooLong[index] === 1 },
  }));
}

export function packBatch({ rows, refused, openTargets }: PreparedBatch, memory: Memory): PackedBatch {
  return {
    ...joined(
      rows.map(({ content }) => content),
      memory,
    ),
    types: rows.map(({ type }) => type),
    ids: rows.map(({ id }) => id),
    hashes: rows.map(({ contentHash }) => contentHash),
    patientIds: rows.map(({ patientId }) => patientId),
    marks: Int32Array.from(rows, ({ marks }) => marks),
    sharedReferences: rows.map(({ sharedReferences }) => sharedReferences),
    lines: rows.map(({ line }) => line),
    ...{ refused, openTargets },
  };
}

export function unpackBatch(packed: PackedBatch): PreparedBatch {
  const { types, ids, hashes, refused, openTargets } = packed;
  const rows = types.map((type, index) => ({
    type,
    id: ids[index] ?? '',
    content: piece(packed, index),
    contentHash: hashes[index] ?? '',
    patientId: packed.patientIds[index],
    marks: packed.marks[index] ?? 0,
    sharedReferences: packed.sharedReferences[index],
    line: packed.lines[index],
  }));
  return { rows, refused, openTargets };
}

/** Pieces of memory for whose bytes nobody waits any more. */
export class Memory {
  readonly #spare: ArrayBuffer[] = [];

  /** At least so many bytes of memory; what lies in them may be anything. */
  take(bytes: number): ArrayBuffer {
    const spare = this.#spare.pop();
    // A batch is of some size: with a quarter more, the next ones have room in it as well.
    return spare !== undefined && spare.byteLength >= bytes ? spare : new ArrayBuffer(Math.ceil(1.25 * bytes));
  }

  give(memory: ArrayBuffer): void {
    if (this.#spare.length < MOST_SPARE && memory.byteLength <= MOST_SPARE_BYTES) this.#spare.push(memory);
  }
}

const MOST_SPARE = 4;
/** What a very long line has needed is not kept. */
const MOST_SPARE_BYTES = 8 * 1024 * 1024;

function joined(pieces: readonly Uint8Array[], memory: Memory): Joined {
  const ends = new Int32Array(pieces.length);
  let end = 0;
  pieces.forEach((piece, index) => (ends[index] = end += piece.length));
  const bytes = new Uint8Array(memory.take(end), 0, end);
  pieces.forEach((piece, index) => {
    bytes.set(piece, ends[index - 1] ?? 0);
  });
  return { bytes, ends };
}

function piece({ bytes, ends }: Joined, index: number): Uint8Array {
  return bytes.subarray(ends[index - 1] ?? 0, ends[index]);
}
