import { columnEnd, columnStart } from './copy-rows.ts';
import type { CopiedRow } from './copy-rows.ts';

/** 2000-01-01, from which Postgres counts microseconds. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

/** Undefined for NULL. */
export function textOf(bytes: Buffer, row: CopiedRow, column: number): string | undefined {
  const start = columnStart(bytes, row, column);
  const end = columnEnd(bytes, start);
  return end === undefined ? undefined : bytes.toString('utf8', start, end);
}

/** Of a timestamptz, to the millisecond. */
export function instantOf(bytes: Buffer, row: CopiedRow, column: number): string {
  const microseconds = bytes.readBigInt64BE(columnStart(bytes, row, column));
  return new Date(Number(microseconds) / 1000 + POSTGRES_EPOCH_MS).toISOString();
}
