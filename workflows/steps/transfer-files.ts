import { inParallel } from './in-parallel.ts';
import type { RequesterProxies } from './proxies.ts';

/** At most this many activities for a step, however many files a payer delivers: a history has an end. */
const MOST_SHARES = 200;

export interface FileShare {
  readonly first: number;
  readonly last: number;
}

/** Contiguous shares of the files 0 … count-1, of equal size. */
export function sharesOf(count: number): readonly FileShare[] {
  const size = Math.max(1, Math.ceil(count / MOST_SHARES));
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
  for (const share of sharesOf(count)) {
    const summary = `import ${label(share, count)}`;
    await transfer.importFiles.executeWithOptions({ summary }, [{ taskId, ...share }]);
  }
}
