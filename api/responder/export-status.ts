import { Router } from 'express';
import type { Request, Response } from 'express';
import { ERRORS, ExchangeError } from '../../fhir/errors.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportJob, ExportJobStore } from '../../store/export-jobs.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { callerOfRequest } from '../auth.ts';
import { outcomeOf, sendResource } from '../outcome.ts';
import { assertConsents } from './export-consents.ts';
import type { ExportConsents } from './export-consents.ts';
import { onlyMethods } from './only-methods.ts';

export interface ExportStatusDeps extends ExportConsents {
  readonly runs: ExportRuns;
  readonly baseUrl: string;
}

const RETRY_AFTER_SECONDS = 2;

/** The job of the caller; to everybody else there is none. */
export async function ownJob(jobs: ExportJobStore, id: string, res: Response): Promise<ExportJob> {
  const job = await jobs.load(id);
  if (job.clientId !== callerOfRequest(res).clientId) throw new ExchangeError('not-found');
  return job;
}

/** `GET` and `DELETE` of an export's status (Bulk Data §status-request, §delete-request). */
export function exportStatusRouter(deps: ExportStatusDeps): Router {
  const { jobs, runs, baseUrl } = deps;
  const router = Router();
  router.all('/export-status/:id', onlyMethods('GET', 'HEAD', 'DELETE'));
  router.get('/export-status/:id', async (req: Request<{ id: string }>, res) => {
    const job = await ownJob(jobs, req.params.id, res);
    if (job.state !== 'failed') await assertConsents(job, deps);
    if (job.reason === 'consent-withdrawn') throw new ExchangeError(job.reason);
    if (job.state === 'failed') {
      sendResource(res, ERRORS.internal.status, outcomeOf(new ExchangeError('export-failed')));
      return;
    }
    if (job.state !== 'complete') {
      res.status(202).setHeader('Retry-After', String(RETRY_AFTER_SECONDS));
      res.setHeader('X-Progress', job.progress ?? 'accepted').end();
      return;
    }
    if (job.expiresAt !== undefined) res.setHeader('Expires', job.expiresAt.toUTCString());
    res.setHeader('Content-Type', 'application/json');
    res.send(JSON.stringify(manifestOf(job, await jobs.files(job.id), baseUrl)));
  });

  router.delete('/export-status/:id', async (req: Request<{ id: string }>, res) => {
    const job = await ownJob(jobs, req.params.id, res);
    // The row first: from now on there is no such export; its run then takes the files away.
    await jobs.change(job.id, { state: 'deleted' });
    await runs.cancel(job.id);
    await runs.remove(job.id);
    res.status(202).end();
  });
  return router;
}

type ListedFile = Omit<ExportFile, 'consents'>;

/** `deleted` is there where it was asked for, by `_since`. */
function manifestOf(job: ExportJob, files: readonly ListedFile[], baseUrl: string): object {
  const listed = (list: ListedFile['list']): readonly object[] =>
    files
      .filter((file) => file.list === list)
      .map(({ type, number, count }) => ({ type, url: `${baseUrl}/export-file/${job.id}/${type}/${number}`, count }));
  return {
    transactionTime: job.transactionTime,
    request: job.requestUrl || `${baseUrl}/Patient/$export`,
    requiresAccessToken: true,
    output: listed('output'),
    ...(job.since !== undefined && { deleted: listed('deleted') }),
    error: listed('error'),
  };
}
