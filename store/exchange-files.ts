import type { Pool } from 'pg';
import type { FilePosition } from './fhir-store.ts';

export type FileList = 'output' | 'error' | 'deleted';

/** One file of a manifest, and how far it has come. */
export interface ExchangeFile {
  readonly exchangeId: string;
  readonly number: number;
  /** The list of the manifest that it stands in. */
  readonly list: FileList;
  readonly type: string | undefined;
  readonly url: string;
  readonly announcedCount: number | undefined;
  /** A strong validator of the answer that the bytes so far came from. */
  readonly etag: string | undefined;
  readonly contentEncoding: string | undefined;
  /** All bytes are here; they may not have been looked at yet. */
  readonly received: boolean;
  readonly downloaded: boolean;
  /** Of the bytes as received, other members' lines included (hex). */
  readonly sha256: string | undefined;
  /** Of the bytes that are kept (base64), as Attachment.hash wants it. */
  readonly keptSha1: string | undefined;
  readonly keptBytes: number | undefined;
  /** Where the kept bytes lie, and in which Content-Encoding. */
  readonly keptBlob: string | undefined;
  readonly keptEncoding: string | undefined;
  /** Id of the Binary under which the kept bytes are read. */
  readonly binaryId: string | undefined;
  readonly lines: number;
  readonly importedLine: number;
  readonly importedOffset: number;
  readonly imported: boolean;
}

export type FileChanges = Partial<
  Pick<
    ExchangeFile,
    | 'etag'
    | 'contentEncoding'
    | 'received'
    | 'downloaded'
    | 'sha256'
    | 'keptSha1'
    | 'keptBytes'
    | 'keptBlob'
    | 'keptEncoding'
    | 'binaryId'
    | 'lines'
    | 'url'
  >
>;

export interface PlannedFile {
  readonly list: FileList;
  readonly type: string | undefined;
  readonly url: string;
  readonly announcedCount: number | undefined;
}

export interface ExchangeFileStore {
  /** Writes the files of a manifest in its order, from 0; files that are there already stay as they are. */
  plan(exchangeId: string, files: readonly PlannedFile[]): Promise<void>;
  /** Adds one file that we write ourselves line by line; the same number again changes nothing. */
  add(exchangeId: string, number: number, file: PlannedFile): Promise<void>;
  list(exchangeId: string): Promise<readonly ExchangeFile[]>;
  get(exchangeId: string, number: number): Promise<ExchangeFile>;
  change(exchangeId: string, number: number, changes: FileChanges): Promise<void>;
  /**
   * All of the file is staged, up to this place. False where its checkpoint is not there: batches are not waited for until
   * they lie on the disk, and a crash of the database may have taken the last one.
   */
  finishImport(exchangeId: string, number: number, end: FilePosition): Promise<boolean>;
  /** The file of a published exchange whose kept bytes are this Binary. */
  published(binaryId: string): Promise<ExchangeFile | undefined>;
  /** References that nothing delivered answers. */
  openReferences(exchangeId: string): Promise<readonly { readonly type: string; readonly count: number }[]>;
}

/** Blob of the bytes as they come over the wire, still in their Content-Encoding. */
export const transferBlob = (exchangeId: string, number: number): string => `exchange/${exchangeId}/${number}`;
/** Blob of the bytes that are kept, where those that came are in no form to be kept in. */
export const decodedBlob = (exchangeId: string, number: number): string => `exchange/${exchangeId}/${number}/kept`;
/** Blob of the bytes that are kept of a file with lines of other members. */
export const cutBlob = (exchangeId: string, number: number): string => `exchange/${exchangeId}/${number}/cut`;

const COLUMNS: Readonly<Record<keyof FileChanges, string>> = {
  etag: 'etag',
  contentEncoding: 'content_encoding',
  received: 'received',
  downloaded: 'downloaded',
  sha256: 'sha256',
  keptSha1: 'kept_sha1',
  keptBytes: 'kept_bytes',
  keptBlob: 'kept_blob',
  keptEncoding: 'kept_encoding',
  binaryId: 'binary_id',
  lines: 'lines',
  url: 'url',
};

interface FileRow {
  exchange_id: string;
  number: number;
  list: FileList;
  type: string | null;
  url: string;
  announced_count: number | null;
  etag: string | null;
  content_encoding: string | null;
  received: boolean;
  downloaded: boolean;
  sha256: string | null;
  kept_sha1: string | null;
  kept_bytes: string | null;
  kept_blob: string | null;
  kept_encoding: string | null;
  binary_id: string | null;
  lines: number;
  imported_line: number;
  imported_offset: string;
  imported: boolean;
}

export function createExchangeFileStore(pool: Pool): ExchangeFileStore {
  return {
    async plan(exchangeId, files) {
      const rows = files.map((file, number) => ({ ...file, number }));
      await pool.query(
        `INSERT INTO exchange_file (exchange_id, number, list, type, url, announced_count)
         SELECT $1, number, list, type, url, "announcedCount"
         FROM jsonb_to_recordset($2::jsonb) AS f(number int, list text, type text, url text, "announcedCount" int)
         ON CONFLICT DO NOTHING`,
        [exchangeId, JSON.stringify(rows)],
      );
    },

    async add(exchangeId, number, { list, type, url }) {
      await pool.query(
        `INSERT INTO exchange_file (exchange_id, number, list, type, url) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING`,
        [exchangeId, number, list, type ?? null, url],
      );
    },

    async list(exchangeId) {
      const { rows } = await pool.query<FileRow>('SELECT * FROM exchange_file WHERE exchange_id = $1 ORDER BY number', [
        exchangeId,
      ]);
      return rows.map(toFile);
    },

    async get(exchangeId, number) {
      const { rows } = await pool.query<FileRow>('SELECT * FROM exchange_file WHERE exchange_id = $1 AND number = $2', [
        exchangeId,
        number,
      ]);
      const [row] = rows;
      if (row === undefined) throw new Error('The exchange has no file of this number.');
      return toFile(row);
    },

    async change(exchangeId, number, changes) {
      const keys = (Object.keys(changes) as (keyof FileChanges)[]).filter((key) => key in COLUMNS);
      const sets = keys.map((key, index) => `${COLUMNS[key]} = $${index + 3}`);
      const values = keys.map((key) => changes[key] ?? null);
      await pool.query(`UPDATE exchange_file SET ${sets.join(', ')} WHERE exchange_id = $1 AND number = $2`, [
        exchangeId,
        number,
        ...values,
      ]);
    },

    async finishImport(exchangeId, number, { line, offset }) {
      const { rowCount } = await pool.query(
        `UPDATE exchange_file SET imported = true
         WHERE exchange_id = $1 AND number = $2 AND imported_line = $3 AND imported_offset = $4`,
        [exchangeId, number, line, offset],
      );
      return rowCount === 1;
    },

    async published(binaryId) {
      const { rows } = await pool.query<FileRow>(
        `SELECT f.* FROM exchange_file f JOIN publication p ON p.exchange_id = f.exchange_id
         WHERE f.binary_id = $1 AND p.published_at IS NOT NULL`,
        [binaryId],
      );
      return rows[0] && toFile(rows[0]);
    },

    async openReferences(exchangeId) {
      const { rows } = await pool.query<{ type: string; count: number }>(
        'SELECT type, "references" AS count FROM open_reference WHERE exchange_id = $1 ORDER BY type',
        [exchangeId],
      );
      return rows;
    },
  };
}

function toFile(row: FileRow): ExchangeFile {
  return {
    exchangeId: row.exchange_id,
    number: row.number,
    list: row.list,
    type: row.type ?? undefined,
    url: row.url,
    announcedCount: row.announced_count ?? undefined,
    etag: row.etag ?? undefined,
    contentEncoding: row.content_encoding ?? undefined,
    received: row.received,
    downloaded: row.downloaded,
    sha256: row.sha256 ?? undefined,
    keptSha1: row.kept_sha1 ?? undefined,
    keptBytes: row.kept_bytes === null ? undefined : Number(row.kept_bytes),
    keptBlob: row.kept_blob ?? undefined,
    keptEncoding: row.kept_encoding ?? undefined,
    binaryId: row.binary_id ?? undefined,
    lines: row.lines,
    importedLine: row.imported_line,
    importedOffset: Number(row.imported_offset),
    imported: row.imported,
  };
}
