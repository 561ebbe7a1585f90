import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportStatus } from '../../workflows/contract.ts';
import type { RequesterDeps } from './deps.ts';

/** One look at the status URL. A manifest is written to the rows of its files; the history learns how many there are. */
export function checkExport({ exchanges, files, knowledge, payer, peer }: RequesterDeps) {
  return async (taskId: string): Promise<ExportStatus> => {
    const exchange = await exchanges.load(taskId);
    const { statusUrl, kickOffForm: form, kickedOffAt } = exchange;
    if (statusUrl === undefined) throw new ExchangeError('export-expired', { detail: 'No status URL is kept.' });
    const definition = await payer(exchange);
    const status = await peer(definition, cancellationSignal()).checkExport(statusUrl);
    if (status.state === 'in-progress') return status;
    const { files: listed, transactionTime, requiresAccessToken } = status.manifest;
    await files.plan(taskId, listed);
    await exchanges.change(taskId, { transactionTime, requiresAccessToken });
    const now = Date.now();
    const seconds = kickedOffAt === undefined ? undefined : Math.round((now - Date.parse(kickedOffAt)) / 1000);
    if (form !== undefined)
      await knowledge.learn(definition, { export: { form, at: new Date(now).toISOString(), seconds } });
    return { state: 'complete', files: listed.length };
  };
}
