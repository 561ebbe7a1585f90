import { cancellationSignal } from '@temporalio/activity';
import type { RequesterDeps } from './deps.ts';

/** Tells the responding payer that the export may go (DELETE at the status URL); nothing to do where none was started. */
export function releaseExport({ exchanges, payer, peer }: RequesterDeps) {
  return async (taskId: string): Promise<void> => {
    const exchange = await exchanges.load(taskId);
    const { statusUrl } = exchange;
    if (statusUrl === undefined) return;
    await peer(await payer(exchange), cancellationSignal()).deleteExport(statusUrl);
    await exchanges.change(taskId, { statusUrl: null });
  };
}
