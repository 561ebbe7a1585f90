import { patched } from '@temporalio/workflow';
import { inParallel } from './in-parallel.ts';
import type { RequesterProxies } from './proxies.ts';

/** At most this many activities for a step, however many files a payer delivers: a history has an end. */
const MOST_SHARES = 200;
/** What one file brought need not be looked up for the next one; a step that is tried again goes on at its checkpoint. */
const FILES_IMPORTED_AT_ONCE = 32;

export interface FileShare {
  readonly first: number;
  readonly last: number;
}

/** Contiguous shares of the files 0 … count-1, of equal size, which is `fewest` or more. */
export function sharesOf(count: number, fewest = 1): readonly FileShare[] {
  const size = Math.max(fewest, Math.ceil(count / MOST_SHARES));
  const shares: FileShare[] = [];
  for (let first = 0; first < count; first += size) {
    shares.push({ first, last: Math.min(first + size, count) - 1 });
  }
  return shares;
}

const label = ({ first, last }: FileShare, count: number): string =>
  first === last ? `file ${first + 1} of ${count}` : `files ${first + 1}–${last + 1} of ${count}`;

/** Downloads all files, some at a time. The first failure cancels the others and is thrown. */
export async function downloadAll(
  taskId: string,
  count: number,
  parallel: number,
  transfer: RequesterProxies['transfer'],
): Promise<void> {
  await inParallel(sharesOf(count), parallel, (share) =>
    transfer.downloadFiles.executeWithOptions({ summary: `download ${label(share, count)}` }, [{ taskId, ...share }]),
  );
}

/** Imports all files one after the other: what stands in several of them is decided by their order. */
export async function importAll(taskId: string, count: number, transfer: RequesterProxies['transfer']): Promise<void> {
  const fewest = patched('files-imported-together') ? FILES_IMPORTED_AT_ONCE : 1;
  for (const share of sharesOf(count, fewest)) {
    const summary = `import ${label(share, count)}`;
    await transfer.importFiles.executeWithOptions({ summary }, [{ taskId, ...share }]);
  }
}
