import type { PoolClient } from 'pg';
import type { ExportFileKey, ExportPart, NamedRun, PartRun } from '../export-part.ts';
import { bigintArray, intArray, textArray } from './copy-arrays.ts';
import { copyRows } from './copy.ts';
import type { CopyValue } from './copy.ts';
import type { Queryable } from './transaction.ts';

const TARGET =
  'export_part (job_id, type, number, "offset", bytes, members, pages, versions, records, counts, id_bytes, types, kept, targets)';

/** Where the parts that are there end. */
export async function endOfParts(client: Queryable, { jobId, type, number }: ExportFileKey): Promise<number> {
  const { rows } = await client.query<{ end: string }>(
    `SELECT "offset" + bytes AS end FROM export_part WHERE job_id = $1 AND type = $2 AND number = $3
     ORDER BY "offset" DESC LIMIT 1`,
    [jobId, type, number],
  );
  return Number(rows[0]?.end ?? 0);
}

/** In the transaction of the connection. */
export async function copyParts(client: PoolClient, file: ExportFileKey, parts: readonly ExportPart[]): Promise<void> {
  await copyRows(
    client,
    TARGET,
    parts.map((part) => rowOf(file, part)),
  );
}

function rowOf(
  { jobId, type, number }: ExportFileKey,
  { offset, bytes, runs, names, kept, targets }: ExportPart,
): readonly CopyValue[] {
  if (names.length > 0 && runs.length > 0) throw new TypeError('the runs of a part are lines or names, not both');
  const columns = names.length > 0 ? namesColumns(names) : runs.length > 0 ? runsColumns(runs) : NO_COLUMNS;
  return [
    ...[jobId, type, number, BigInt(offset), bytes, ...columns],
    kept.length > 0 ? kept : undefined,
    targets === '' ? undefined : targets,
  ];
}

const NO_COLUMNS = Array<undefined>(7);

function runsColumns(runs: readonly PartRun[]): readonly CopyValue[] {
  return [
    textArray(runs.map(({ memberId }) => memberId)),
    bigintArray(runs.map(({ page }) => page)),
    bigintArray(runs.map(({ version }) => version)),
    textArray(runs.map(({ records }) => records)),
    intArray(runs.map(({ count }) => count)),
    intArray(runs.map(({ idBytes }) => idBytes)),
    undefined,
  ];
}

function namesColumns(names: readonly NamedRun[]): readonly CopyValue[] {
  return [
    undefined,
    bigintArray(names.map(({ page }) => page)),
    undefined,
    textArray(names.map(({ records }) => records)),
    ...[undefined, undefined],
    textArray(names.map(({ type }) => type)),
  ];
}
