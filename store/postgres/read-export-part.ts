import type { Pool } from 'pg';
import { escapeLiteral } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { targetTexts } from '../../fhir/provenance.ts';
import { metaStamp, metaStart } from '../../fhir/stored-bytes.ts';
import { NAMES_PLACE } from '../export-part.ts';
import type { ExportFileKey } from '../export-part.ts';
import { idsOfRows } from '../record-page.ts';
import { textOf } from './copied-values.ts';
import { copyEachRow } from './copy-each-row.ts';
import { onConnection } from './copy-out.ts';
import { columnEnd, columnStart } from './copy-rows.ts';
import type { CopiedRow } from './copy-rows.ts';
import type { PartRoom } from './part-room.ts';
import { textsOfRun } from './run-rows.ts';

export interface RenderedPart {
  readonly offset: number;
  readonly bytes: Buffer;
}

const LINE_END = 0x0a;

/** What a row tells, and its columns: first those of all, then those of a part. */
const Kind = { part: 0, publication: 1, run: 2, names: 3 } as const;
const Column = { kind: 0, first: 1, texts: 2, second: 3, kept: 4 } as const;

/** RS: nowhere in JSON text (RFC 7464). */
const SEPARATOR = 0x1e;
/** Of which kind alone a line names records. */
const NAMING = 'Provenance';

/** By the indexes, run after run in their order: statistics of what was written just now say nothing of them. */
const PLAN = [
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'sort'].map((way) => `SET LOCAL enable_${way} = off`),
  'SET LOCAL max_parallel_workers_per_gather = 0',
].join('; ');

/**
 * The part of a file that holds the byte `at`, as bytes, which hold until the next part is read into the same room.
 * @throws ExchangeError `unavailable` where it, or a version that it names, is not there
 */
export async function readPart(pool: Pool, file: ExportFileKey, at: number, room: PartRoom): Promise<RenderedPart> {
  const rendering = new Rendering(room);
  const copy = `COPY (${selection(file, at)}) TO STDOUT (FORMAT binary)`;
  await onConnection(pool, (client) =>
    copyEachRow(client, { statements: `BEGIN; ${PLAN}; ${copy}; COMMIT`, room: room.message }, (bytes, row) => {
      rendering.add(bytes, row);
    }),
  );
  return rendering.part(at);
}

/**
 * First the part itself, then the instants of its publications, then its runs: the texts of each at once, since a row for each
 * of very many takes longer, here and there, than what is done with it.
 */
function selection({ jobId, type, number }: ExportFileKey, at: number): string {
  const [job, kind] = [escapeLiteral(jobId), escapeLiteral(type)];
  return `WITH e AS MATERIALIZED (
      SELECT "offset", bytes, pages, versions, records, types, kept FROM export_part
      WHERE job_id = ${job} AND type = ${kind} AND number = ${number} AND "offset" <= ${at} ORDER BY "offset" DESC LIMIT 1
    )
    SELECT ${Kind.part} AS kind, e."offset" AS first, NULL::text AS texts, e.bytes::bigint AS second, e.kept FROM e
    UNION ALL
    SELECT ${Kind.publication}, p.id, NULL, (extract(epoch FROM p.published_at) * 1000)::bigint, NULL
    FROM publication p WHERE p.id = ANY ((SELECT versions FROM e)::bigint[])
    UNION ALL
    SELECT ${Kind.run}, k.version, v.texts, NULL, NULL
    FROM e CROSS JOIN LATERAL unnest(e.pages, e.versions, e.records) AS k(page, version, records)
    CROSS JOIN LATERAL ${textsOfRun(kind, `chr(${SEPARATOR})`)} v WHERE e.types IS NULL
    ${type === NAMING ? NAMES : ''}`;
}

/** The type, the rows and all ids of the page, with tabs between them; and its column `records` where the rows are some of it. */
const NAMES = `UNION ALL
    SELECT ${Kind.names}, k.n, concat(k.type, E'\\t', k.records, E'\\t', g.ids), NULL, CASE WHEN k.records <> '' THEN g.records END
    FROM e CROSS JOIN LATERAL unnest(e.pages, e.records, e.types) WITH ORDINALITY AS k(page, records, type, n)
    CROSS JOIN LATERAL (SELECT g.ids, g.records FROM record_page g WHERE g.id = k.page OFFSET 0) g WHERE e.types IS NOT NULL`;

/** The bytes of a part on their way from the rows that tell of it. */
class Rendering {
  #offset = 0;
  #bytes = Buffer.alloc(0);
  #length = 0;
  #kept = Buffer.alloc(0);
  /** How much of what is kept stands in the bytes already. */
  #keptAt = 0;
  /** How many runs it names by then. */
  #named = 0;
  readonly #room: PartRoom;
  readonly #stamps = new Map<bigint, Buffer>();

  constructor(room: PartRoom) {
    this.#room = room;
  }

  add(bytes: Buffer, row: CopiedRow): void {
    const kind = bytes.readInt32BE(columnStart(bytes, row, Column.kind));
    if (kind === Kind.run) this.#addRun(bytes, row);
    else if (kind === Kind.names) this.#addNames(bytes, row);
    else if (kind === Kind.publication) this.#addPublication(bytes, row);
    else this.#begin(bytes, row);
  }

  part(at: number): RenderedPart {
    this.#copy(this.#kept, this.#keptAt, this.#kept.length);
    const isWhole = this.#length === this.#bytes.length;
    if (!isWhole || at >= this.#offset + this.#length) throw isGone();
    return { offset: this.#offset, bytes: this.#bytes };
  }

  #begin(bytes: Buffer, row: CopiedRow): void {
    this.#offset = Number(bytes.readBigInt64BE(columnStart(bytes, row, Column.first)));
    this.#bytes = this.#room.bytes.take(Number(bytes.readBigInt64BE(columnStart(bytes, row, Column.second))));
    const start = columnStart(bytes, row, Column.kept);
    const end = columnEnd(bytes, start);
    // The bytes of a row hold until the next one.
    if (end === undefined) return;
    this.#kept = this.#room.kept.take(end - start);
    bytes.copy(this.#kept, 0, start, end);
  }

  #addPublication(bytes: Buffer, row: CopiedRow): void {
    const version = bytes.readBigInt64BE(columnStart(bytes, row, Column.first));
    const published = Number(bytes.readBigInt64BE(columnStart(bytes, row, Column.second)));
    const lastUpdated = new Date(published).toISOString();
    this.#stamps.set(version, metaStamp({ versionId: String(version), lastUpdated }));
  }

  /** Each copy of a piece makes an object: so the end of a line goes with the beginning of the next one. */
  #addRun(bytes: Buffer, row: CopiedRow): void {
    const stamp = this.#stamps.get(bytes.readBigInt64BE(columnStart(bytes, row, Column.first)));
    const start = columnStart(bytes, row, Column.texts);
    const end = columnEnd(bytes, start);
    if (stamp === undefined || end === undefined || end === start) throw isGone();
    let copied = start;
    for (let at = start; at < end;) {
      const separator = bytes.indexOf(SEPARATOR, at);
      const behind = separator === -1 || separator > end ? end : separator;
      const stampAt = metaStart(bytes, at, behind);
      if (stampAt === -1) throw isGone();
      this.#copy(bytes, copied, stampAt);
      this.#copy(stamp, 0, stamp.length);
      copied = stampAt;
      if (behind < end) bytes[behind] = LINE_END;
      at = behind + 1;
    }
    this.#copy(bytes, copied, end);
    if (this.#length === this.#bytes.length) throw isGone();
    this.#bytes[this.#length++] = LINE_END;
  }

  /** They go to the next place of the kept lines that waits for some. */
  #addNames(bytes: Buffer, row: CopiedRow): void {
    const place = this.#kept.indexOf(NAMES_PLACE, this.#keptAt, 'latin1');
    const [type = '', rows = '', ids = ''] = textOf(bytes, row, Column.texts)?.split('\t') ?? [];
    // The order in which they come decides whose ids stand where.
    const number = bytes.readBigInt64BE(columnStart(bytes, row, Column.first));
    if (place === -1 || number !== BigInt(++this.#named)) throw isGone();
    this.#copy(this.#kept, this.#keptAt, place);
    const start = columnStart(bytes, row, Column.kept);
    const records = bytes.subarray(start, columnEnd(bytes, start) ?? start);
    const targets = targetTexts(type, idsOfRows(rows, ids, records));
    if (this.#length + targets.length > this.#bytes.length) throw isGone();
    this.#length += this.#bytes.write(targets, this.#length, 'latin1');
    this.#keptAt = place + 1;
  }

  /** What does not fit must not count: there are bytes of other parts in the memory behind. */
  #copy(from: Buffer, start: number, end: number): void {
    if (this.#length + end - start > this.#bytes.length) throw isGone();
    from.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
  }
}

/** Never a file that is shorter than its row says and looks whole. */
const isGone = (): ExchangeError => new ExchangeError('unavailable', { detail: 'a part of an exported file is gone' });
