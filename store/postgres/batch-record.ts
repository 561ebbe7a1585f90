import { metaStamp } from '../../fhir/stored-bytes.ts';
import { withStoredMeta } from '../../fhir/stored-text.ts';
import type { StoredMeta } from '../../fhir/stored-text.ts';
import { isOverSql, isUnmarkedSql } from '../../fhir/record-marks.ts';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { LONG_RECORD_BYTES } from '../record-batch.ts';
import type { BatchRecord, RecordBatch, RecordPlace } from '../record-batch.ts';
import { instantOf, textOf } from './copied-values.ts';
import { columnEnd, columnStart } from './copy-rows.ts';
import type { CopiedRow, CopiedRows } from './copy-rows.ts';

/** In the order of `Column`. The size of a text, and that it is unmarked, are known without reading it. */
export function batchColumns(unmarked: Unmarked | undefined): string {
  const isUnread =
    unmarked === undefined ? 'false' : `${isUnmarkedSql('r.marks', unmarked)} OR ${isOverSql('r.marks', unmarked)}`;
  return `r.id, r.publication_id, p.published_at, p.exchange_id, r.patient_id, r.evidence, r.deleted,
    octet_length(r.content), r.marks, r.shared_references, r.page_id, r.page_row,
    CASE WHEN (${isUnread}) AND octet_length(r.content) <= ${LONG_RECORD_BYTES} THEN NULL ELSE r.content END`;
}

const Column = {
  id: 0,
  version: 1,
  published: 2,
  exchange: 3,
  patient: 4,
  evidence: 5,
  deleted: 6,
  size: 7,
  marks: 8,
  sharedReferences: 9,
  page: 10,
  row: 11,
  content: 12,
} as const;
type Column = (typeof Column)[keyof typeof Column];

/** What the records of one publication share. */
interface Publication extends StoredMeta {
  readonly number: bigint;
  readonly exchangeId: string | undefined;
  readonly stampSize: number;
}

/** Makes batches of rows that come one publication, one compartment after the other for the most part. */
export function batchReader(type: string): (copied: CopiedRows) => RecordBatch {
  let publication: Publication | undefined;
  let patient: { readonly bytes: Buffer; readonly id: string } | undefined;
  const patientAt = (bytes: Buffer, row: CopiedRow): string | undefined => {
    const start = columnStart(bytes, row, Column.patient);
    const end = columnEnd(bytes, start);
    if (end === undefined) return undefined;
    if (patient?.bytes.compare(bytes, start, end) !== 0) {
      const own = Buffer.from(bytes.subarray(start, end));
      patient = { bytes: own, id: own.toString() };
    }
    return patient.id;
  };
  return ({ bytes, rows }) => {
    return rows.map((row) => {
      const number = bytes.readBigInt64BE(columnStart(bytes, row, Column.version));
      if (publication?.number !== number) publication = publicationOf(bytes, row, number);
      return new CopiedRecord(bytes, row, type, publication, patientAt(bytes, row));
    });
  };
}

function publicationOf(bytes: Buffer, row: CopiedRow, number: bigint): Publication {
  const meta = { versionId: String(number), lastUpdated: instantOf(bytes, row, Column.published) };
  return { ...meta, number, exchangeId: textOf(bytes, row, Column.exchange), stampSize: metaStamp(meta).length };
}

class CopiedRecord implements BatchRecord {
  readonly #bytes: Buffer;
  readonly #row: CopiedRow;
  readonly #publication: Publication;
  readonly type: string;
  readonly patientId: string | undefined;
  readonly #contentStart: number;
  readonly isUnread: boolean;

  constructor(bytes: Buffer, row: CopiedRow, type: string, publication: Publication, patientId: string | undefined) {
    this.#bytes = bytes;
    this.#row = row;
    this.#publication = publication;
    this.type = type;
    this.patientId = patientId;
    this.#contentStart = columnStart(bytes, row, Column.content);
    this.isUnread = columnEnd(bytes, this.#contentStart) === undefined;
  }

  get version(): bigint {
    return this.#publication.number;
  }

  get size(): number {
    return this.#bytes.readInt32BE(columnStart(this.#bytes, this.#row, Column.size));
  }

  get stampSize(): number {
    return this.#publication.stampSize;
  }

  get marks(): number | undefined {
    const start = columnStart(this.#bytes, this.#row, Column.marks);
    return columnEnd(this.#bytes, start) === undefined ? undefined : this.#bytes.readInt32BE(start);
  }

  get sharedReferences(): string | undefined {
    return textOf(this.#bytes, this.#row, Column.sharedReferences);
  }

  get place(): RecordPlace | undefined {
    const start = columnStart(this.#bytes, this.#row, Column.page);
    if (columnEnd(this.#bytes, start) === undefined) return undefined;
    const row = this.#bytes.readInt32BE(columnStart(this.#bytes, this.#row, Column.row));
    return { page: this.#bytes.readBigInt64BE(start), row };
  }

  get id(): string {
    return textOf(this.#bytes, this.#row, Column.id) ?? '';
  }

  get versionId(): string {
    return this.#publication.versionId;
  }

  get lastUpdated(): string {
    return this.#publication.lastUpdated;
  }

  get exchangeId(): string | undefined {
    return this.#publication.exchangeId;
  }

  get origin(): 'native' | 'imported' {
    return this.exchangeId === undefined ? 'native' : 'imported';
  }

  get evidence(): boolean {
    return this.#isTrue(Column.evidence);
  }

  get deleted(): boolean {
    return this.#isTrue(Column.deleted);
  }

  get storedText(): string {
    return this.#bytes.toString('utf8', this.#contentStart, this.#row.end);
  }

  get text(): string {
    return this.deleted || this.isUnread ? '' : withStoredMeta(this.storedText, this.#publication);
  }

  #isTrue(column: Column): boolean {
    return this.#bytes[columnStart(this.#bytes, this.#row, column)] === 1;
  }
}
