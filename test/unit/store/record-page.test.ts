import { describe, expect, it } from '@jest/globals';
import { forPartners } from '../../../fhir/record-marks.ts';
import { pageColumns, runsOfPage } from '../../../store/record-page.ts';
import type { PageRecord, RunsAsked } from '../../../store/record-page.ts';
import { RUN_RECORD_BYTES } from '../../../store/record-run.ts';
import type { RecordRun } from '../../../store/record-run.ts';

const ADDED_BYTES = 10;
const [FROM_DAY, FROM_YEAR] = [20_000, 2021];
const UNMARKED = forPartners('Goal', FROM_YEAR, FROM_DAY);
const MARKS = {
  young: FROM_YEAR,
  over: ((FROM_DAY - 1) << 15) | (FROM_YEAR - 5),
  inTime: (FROM_DAY << 15) | (FROM_YEAR - 5),
  undated: FROM_YEAR - 5,
  label: (1 << 12) | FROM_YEAR,
};

function record(row: number, marks: number = MARKS.young, more: Partial<PageRecord> = {}): PageRecord {
  return { row, id: `r${row}`, isHidden: false, marks, bytes: 100, sharedReferences: undefined, ...more };
}

function runs(records: readonly PageRecord[], asked: Partial<RunsAsked> = {}): readonly RecordRun[] {
  const { ids: _ids, ...columns } = pageColumns(records);
  const page = { page: 7n, patientId: 'p', version: 3n, lastUpdated: '2026-01-01T00:00:00.000Z' };
  return runsOfPage(
    { ...page, ...columns, addedBytes: ADDED_BYTES },
    { unmarked: UNMARKED, recordsPerRun: 64, ...asked },
  );
}

const told = (found: readonly RecordRun[]): readonly string[] =>
  found.map(({ kind, rows, count }) => `${kind} [${rows}] ${count}`);

describe('runs of a page', () => {
  it('are one of all rows where each goes out as it is stored', () => {
    const [run, ...others] = runs([record(0), record(2), record(5)]);
    expect(run).toMatchObject({ kind: 'unmarked', page: 7n, rows: '', count: 3, bytes: 3 * (100 + ADDED_BYTES) });
    expect(others).toEqual([]);
  });

  it('are by kind: unmarked, withheld by the look-back, and to be read', () => {
    const long = { bytes: RUN_RECORD_BYTES + 1 };
    const records = [
      ...[
        record(0),
        record(1, MARKS.over),
        record(2, MARKS.undated),
        record(3, MARKS.label),
        record(4, MARKS.young, long),
      ],
      ...[record(5, MARKS.young, { marks: undefined }), record(6, MARKS.inTime), record(7, MARKS.over, long)],
    ];
    expect(told(runs(records))).toEqual(['unmarked [0 6] 2', 'over [1 7] 2', 'rest [2 3 4 5] 4']);
  });

  it('leave out what no export shows, and what a newer version replaces', () => {
    const records = [record(0), record(1, MARKS.young, { isHidden: true }), record(2), record(3)];
    expect(told(runs(records))).toEqual(['unmarked [0 2 3] 3']);
    expect(told(runs(records, { isShown: (place) => place !== 2 }))).toEqual(['unmarked [0 3] 2']);
    expect(runs(records, { isShown: () => false })).toEqual([]);
  });

  it('are no longer than asked for', () => {
    const records = Array.from({ length: 5 }, (_, row) => record(row));
    expect(told(runs(records, { recordsPerRun: 2 }))).toEqual([
      'unmarked [0 1] 2',
      'unmarked [2 3] 2',
      'unmarked [4] 1',
    ]);
    expect(told(runs(records, { recordsPerRun: 5 }))).toEqual(['unmarked [] 5']);
  });

  it('name the rows of what has to be read, also where that is all', () => {
    expect(told(runs([record(0, MARKS.label), record(1, MARKS.label)]))).toEqual(['rest [0 1] 2']);
  });

  it('tell what goes along with their own records and with no others', () => {
    const [doctor, clinic] = [
      { sharedReferences: 'Practitioner/d' },
      { sharedReferences: 'Organization/o Location/l' },
    ];
    const records = [record(0, MARKS.young, doctor), record(1, MARKS.over, clinic), record(2, MARKS.young, doctor)];
    expect(runs(records).map(({ sharedReferences }) => sharedReferences)).toEqual(['Practitioner/d', undefined]);
    const whole = [record(0, MARKS.young, clinic), record(1), record(2, MARKS.young, doctor)];
    expect(runs(whole)[0]?.sharedReferences).toBe('Organization/o Location/l Practitioner/d');
    expect(runs(whole, { recordsPerRun: 2 }).map(({ sharedReferences }) => sharedReferences)).toEqual([
      'Organization/o Location/l',
      'Practitioner/d',
    ]);
    expect(runs([record(0)])[0]?.sharedReferences).toBeUndefined();
  });
});
