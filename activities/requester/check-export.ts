import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportStatus } from '../../workflows/contract.ts';
import type { RequesterDeps } from './deps.ts';

/** One look at the status URL. A manifest is written to the rows of its files; the history learns how many there are. */
export function checkExport({ exchanges, files, payer, peer }: RequesterDeps) {
  return async (taskId: string): Promise<ExportStatus> => {
    const { statusUrl, payerPid } = await exchanges.load(taskId);
    if (statusUrl === undefined) throw new ExchangeError('export-expired', { detail: 'No status URL is kept.' });
    const status = await peer(await payer(payerPid), cancellationSignal()).checkExport(statusUrl);
    if (status.state === 'in-progress') return status;
    const { files: listed, transactionTime, requiresAccessToken } = status.manifest;
    await files.plan(taskId, listed);
    await exchanges.change(taskId, { transactionTime, requiresAccessToken });
    return { state: 'complete', files: listed.length };
  };
}
