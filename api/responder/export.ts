import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { assertScope, callerOfRequest } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { readExportRequest } from './export-request.ts';
import type { ExportRequest } from './export-request.ts';
import type { Visibility } from './visibility.ts';

export interface ExportDeps {
  readonly jobs: ExportJobStore;
  readonly fhir: FhirStore;
  readonly visibility: Visibility;
  readonly runs: ExportRuns;
  readonly baseUrl: string;
}

/** Exports of one partner that may be under way at one time. */
const MOST_RUNNING = 20;
const RETRY_AFTER_MS = 30_000;

/** Kick-off of Bulk Data exports: `Patient/$export` and `Patient/<id>/$export`, by GET and POST. */
export function exportRouter(deps: ExportDeps): Router {
  const router = Router();
  const kickOff = async (req: Request<{ id?: string }>, res: Response): Promise<void> => {
    const caller = callerOfRequest(res);
    const request = readExportRequest(req as Request);
    assertTypesInScope(caller, request);
    const named = req.params.id === undefined ? request.patientIds : [req.params.id];
    const patientIds = await patientsOf(caller, named, deps);
    if ((await deps.jobs.running(caller.clientId)) >= MOST_RUNNING) {
      throw new ExchangeError('throttled', { retryAfterMs: RETRY_AFTER_MS });
    }
    const id = randomUUID();
    await deps.jobs.create({
      ...{ id, clientId: caller.clientId, isOperator: caller.kind === 'operator', patientIds },
      ...{ types: request.types, since: request.since, origin: request.origin },
      requestUrl: `${deps.baseUrl}${req.url}`,
    });
    await deps.runs.start(id);
    res.status(202).setHeader('Content-Location', `${deps.baseUrl}/export-status/${id}`).end();
  };
  router.all(['/Patient/$export', '/Patient/:id/$export'], (req, _res, next) => {
    if (req.method !== 'GET' && req.method !== 'POST') throw new ExchangeError('not-found');
    next();
  });
  router.get(['/Patient/$export', '/Patient/:id/$export'], kickOff);
  router.post(['/Patient/$export', '/Patient/:id/$export'], kickOff);
  return router;
}

function assertTypesInScope(caller: Caller, { types }: ExportRequest): void {
  for (const type of types.length === 0 ? ['*'] : types) assertScope(caller, type, 'r');
}

/** A partner exports members that it has matched, and no others; the answer does not tell who else is a member. */
async function patientsOf(
  caller: Caller,
  named: readonly string[] | undefined,
  { fhir, visibility }: ExportDeps,
): Promise<readonly string[]> {
  if (caller.kind === 'partner') {
    const reachable = await visibility.reachable(caller.clientId);
    const ids = named ?? [...new Set([...reachable.values()].map((match) => match.patientId))];
    if (ids.length === 0 || !ids.every((id) => reachable.has(id))) throw new ExchangeError('consent-withdrawn');
    return ids;
  }
  if (named === undefined) {
    throw new ExchangeError('too-costly', { diagnostics: 'Name the members by the parameter patient.' });
  }
  for (const id of named) {
    const stored = await fhir.read('Patient', id);
    if (stored === undefined || stored.deleted) throw new ExchangeError('not-found');
  }
  return named;
}
