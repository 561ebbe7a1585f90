import type { Pool } from 'pg';
import { ExchangeError } from '../fhir/errors.ts';
import type { ExportFileRange } from './export-files.ts';
import type { ExportFileKey, ExportPart } from './export-part.ts';
import { copyParts, endOfParts } from './postgres/export-part-rows.ts';
import { PartRooms } from './postgres/part-room.ts';
import { readPart } from './postgres/read-export-part.ts';
import { inTransaction } from './postgres/transaction.ts';

/**
 * What exported files are made of. A line that goes out as its record is stored is written down as the version that it is of,
 * and read when the file is downloaded: versions do not change and stay, so that the bytes are the same each time.
 */
export interface ExportPartStore {
  /**
   * Appends parts, which may be lost by a crash of the database unless something is committed after them that is not.
   * @throws ExchangeError `unavailable` where the file does not end at the offset of the first one: somebody else writes it
   */
  append(file: ExportFileKey, parts: readonly ExportPart[]): Promise<void>;
  /**
   * The bytes [start, end) of a file, all of them. Those of a chunk hold until the next one is asked for: then the same
   * memory is filled anew, so that nobody may ask while they are still on their way.
   * @throws ExchangeError `unavailable` where a part or a version is not there
   */
  read(file: ExportFileKey, start: number, end: number): AsyncIterable<Buffer>;
  /**
   * What was written of whom, into these files of a type in the order of their numbers: lines as those of `targets`, and of
   * runs on pages `member<TAB>page<TAB>rows<TAB>count<TAB>bytes`, where the bytes are those of their ids.
   */
  targets(of: Omit<ExportFileKey, 'number'>, numbers: readonly number[]): AsyncIterable<readonly string[]>;
  remove(jobId: string, which: ExportFileRange): Promise<void>;
}

const PARTS_AT_ONCE = 50;
const TARGETS_OF_RUNS = `(SELECT string_agg(CASE WHEN u.page IS NULL THEN concat(u.member, E'\\t', u.records, E'\\n')
    ELSE concat(u.member, E'\\t', u.page, E'\\t', u.records, E'\\t', u.count, E'\\t', u.bytes, E'\\n') END, '')
  FROM unnest(members, pages, records, counts, id_bytes) AS u(member, page, records, count, bytes) WHERE u.member IS NOT NULL)`;

export function createExportPartStore(pool: Pool): ExportPartStore {
  const rooms = new PartRooms();
  return {
    append(file, parts) {
      return inTransaction(
        pool,
        async (client) => {
          if ((await endOfParts(client, file)) !== parts[0]?.offset) {
            throw new ExchangeError('unavailable', { detail: 'another attempt writes the file' });
          }
          await copyParts(client, file, parts);
        },
        'with-the-next',
      );
    },
    async *read(file, start, end) {
      if (start >= end) return;
      // By turns: one is filled while the other one is sent.
      let [room, other] = [rooms.take(), rooms.take()];
      let next = readPart(pool, file, start, room);
      for (;;) {
        const { offset, bytes } = await next;
        const behind = offset + bytes.length;
        if (behind < end) {
          // Read while this one is on its way to whoever asked for it.
          [room, other] = [other, room];
          next = readPart(pool, file, behind, room);
          next.catch(() => undefined);
        }
        yield bytes.subarray(Math.max(start - offset, 0), end - offset);
        if (behind < end) continue;
        // Whoever leaves before may still have bytes under way: those rooms are nobody's any more.
        rooms.giveBack(room);
        rooms.giveBack(other);
        return;
      }
    },
    async *targets({ jobId, type }, numbers) {
      let after = [-1, -1];
      for (;;) {
        const { rows } = await pool.query<{ number: number; offset: string; targets: string }>(
          `SELECT number, "offset", concat(${TARGETS_OF_RUNS}, targets) AS targets FROM export_part
           WHERE job_id = $1 AND type = $2 AND number = ANY($3::int[]) AND (number, "offset") > ($4, $5)
           ORDER BY number, "offset" LIMIT ${PARTS_AT_ONCE}`,
          [jobId, type, numbers, ...after],
        );
        for (const { targets } of rows) yield targets.split('\n').slice(0, -1);
        const last = rows.at(-1);
        if (last === undefined || rows.length < PARTS_AT_ONCE) return;
        after = [last.number, Number(last.offset)];
      }
    },
    async remove(jobId, which) {
      const [condition, values] =
        'from' in which
          ? ['number >= $2', [which.from]]
          : ['type = ANY ($2) AND number < $3', [which.types, which.below]];
      await pool.query(`DELETE FROM export_part WHERE job_id = $1 AND ${condition}`, [jobId, ...values]);
    },
  };
}
