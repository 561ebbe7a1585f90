import { ReusedBuffer } from './reused-buffer.ts';

/** As many downloads at a time as most partners make. */
const ROOMS_KEPT = 10;

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
    if (this.#free.length >= ROOMS_KEPT) return;
    for (const memory of [room.bytes, room.kept, room.message]) memory.clear();
    this.#free.push(room);
  }
}
