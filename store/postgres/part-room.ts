import { ReusedBuffer } from './reused-buffer.ts';

/** Two for each download, of as many as most partners make at a time. */
const ROOMS_KEPT = 10;
/** One that very long lines have needed is not kept. */
const MOST_BYTES_KEPT = 4 * 1024 * 1024;

/** What a part of a file is made in; one part at a time. */
export class PartRoom {
  readonly bytes = new ReusedBuffer();
  readonly kept = new ReusedBuffer();
  /** For what comes from the database. */
  readonly message = new ReusedBuffer();
}

/** Rooms that wait for the next file: to have new memory for each takes longer than to fill it. */
export class PartRooms {
  readonly #free: PartRoom[] = [];

  take(): PartRoom {
    return this.#free.pop() ?? new PartRoom();
  }

  /** Only when nothing is read into it any more, and nobody sends of it: never may bytes of one file get into another. */
  giveBack(room: PartRoom): void {
    const memories = [room.bytes, room.kept, room.message];
    const bytes = memories.reduce((sum, { size }) => sum + size, 0);
    if (this.#free.length >= ROOMS_KEPT || bytes > MOST_BYTES_KEPT) return;
    for (const memory of memories) memory.clear();
    this.#free.push(room);
  }
}
