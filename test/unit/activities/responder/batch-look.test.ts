import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BatchLook } from '../../../../activities/responder/batch-look.ts';
import { LineBuffer } from '../../../../activities/responder/line-buffer.ts';
import { telltales } from '../../../../fhir/plain-text.ts';
import { withStoredMeta } from '../../../../fhir/stored-text.ts';
import { batchReader } from '../../../../store/postgres/batch-record.ts';
import { CopyRows } from '../../../../store/postgres/copy-rows.ts';

const YEAR = 2022;
const PUBLISHED = '2026-11-21T04:35:26.123Z';
const POSTGRES_EPOCH = Date.UTC(2000, 0, 1);

interface Row {
  readonly id: string;
  readonly version: bigint;
  readonly exchange: string | undefined;
  readonly patient: string | undefined;
  readonly text: string;
}

const bigint = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

const column = (value: Buffer | undefined): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value?.length ?? -1);
  return value === undefined ? length : Buffer.concat([length, value]);
};

/** As Postgres writes the columns that `batchReader` knows. */
function copyOf(rows: readonly Row[]): Buffer {
  const published = bigint(BigInt(Date.parse(PUBLISHED) - POSTGRES_EPOCH) * 1000n);
  const text = (value: string | undefined): Buffer | undefined =>
    value === undefined ? undefined : Buffer.from(value);
  const rowOf = ({ id, version, exchange, patient, text: content }: Row): Buffer => {
    const no = Buffer.from([0]);
    const values = [text(id), bigint(version), published, text(exchange), text(patient), no, no, text(content)];
    return Buffer.concat([Buffer.from([0, values.length]), ...values.map(column)]);
  };
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  return Buffer.concat([header, ...rows.map(rowOf), Buffer.from([0xff, 0xff])]);
}

/** Some bytes at a time, cut anywhere. */
function* cuts(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

interface Exported {
  readonly lines: string;
  /** How many went out as bytes. */
  readonly stored: number;
}

function exported(rows: readonly Row[], sizes: readonly number[]): Exported {
  const copied = new CopyRows();
  const batchOf = batchReader('Observation');
  const buffer = new LineBuffer(64);
  let stored = 0;
  for (const chunk of cuts(copyOf(rows), sizes)) {
    const batch = batchOf(copied.read([chunk]));
    const look = new BatchLook(batch, telltales('Observation', YEAR));
    for (const [index, record] of batch.records.entries()) {
      const line = look.storedLine(index);
      if (line === undefined) buffer.addText(record.text);
      else buffer.addStored(line);
      if (line !== undefined) stored++;
    }
  }
  return { lines: buffer.take().toString(), stored };
}

const rowOf = (text: string): Row => ({ id: 'é-1', version: 7n, exchange: undefined, patient: 'p', text });

describe('a batch on its way into a file', () => {
  it('becomes the lines that its texts would become, wherever its bytes are cut', () => {
    const word = fc.oneof(
      fc.constantFrom('meta', 'security', 'versionId', 'lastUpdated', 'profile', '2021-12-31', '2026-01-01', 'a\\u"b'),
      fc.string({ unit: 'binary' }),
    );
    const { object } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, word, fc.integer(), fc.array(tie('value'), { maxLength: 3 }), tie('object')),
      object: fc.dictionary(word, tie('value'), { maxKeys: 5 }),
    }));
    const row = fc.record({
      id: fc.string({ minLength: 1 }),
      version: fc.bigInt({ min: 1n, max: 3n }),
      exchange: fc.option(fc.string(), { nil: undefined }),
      patient: fc.option(fc.constantFrom('p', 'q', 'é'), { nil: undefined }),
      text: object.map((value) => JSON.stringify(value)),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), sizes, (rows, pieces) => {
        const meta = ({ version }: Row): { versionId: string; lastUpdated: string } => ({
          ...{ versionId: String(version), lastUpdated: PUBLISHED },
        });
        const expected = rows.map((each) => `${withStoredMeta(each.text, meta(each))}\n`).join('');
        expect(exported(rows, pieces).lines).toBe(expected);
      }),
    );
  });

  it('leaves to its text each record that a word tells of, and no other', () => {
    const plain = rowOf('{"resourceType":"Observation","meta":{"tag":[]},"effectiveDateTime":"2026-01-01"}');
    const labelled = rowOf('{"resourceType":"Observation","meta":{"security":[]}}');
    const old = rowOf('{"resourceType":"Observation","meta":{"tag":[]},"issued":"2021-12-31T00:00:00Z","z":"1999"}');
    expect(exported([plain, labelled, plain, old, old, plain], [10_000]).stored).toBe(3);
  });

  it('tells whose text a place lies in', () => {
    const rows = ['{"a":1}', '{"b":"é"}', '{"c":3}'].map(rowOf);
    const batch = batchReader('Observation')(new CopyRows().read([copyOf(rows)]));
    const look = new BatchLook(batch, telltales('Observation', YEAR));
    const places = ['"a"', '"b"', '"c"'].map((word) => look.indexAt(look.text.indexOf(word)));
    expect(places).toEqual([0, 1, 2]);
  });

  it('has what was asked of each row', () => {
    const rows = [rowOf('{}'), { ...rowOf('{}'), version: 8n, exchange: 'e1', patient: undefined }];
    const { records } = batchReader('Observation')(new CopyRows().read([copyOf(rows)]));
    const read = records.map(({ id, versionId, lastUpdated, patientId, origin }) => ({
      ...{ id, versionId, lastUpdated, patientId, origin },
    }));
    expect(read).toEqual([
      { id: 'é-1', versionId: '7', lastUpdated: PUBLISHED, patientId: 'p', origin: 'native' },
      { id: 'é-1', versionId: '8', lastUpdated: PUBLISHED, patientId: undefined, origin: 'imported' },
    ]);
  });
});
