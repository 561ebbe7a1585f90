import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import { coversScopes } from '../../fhir/scopes.ts';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { MatchStore } from '../../store/matches.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { assertScope, callerOfRequest } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { readExportRequest } from './export-request.ts';
import type { Visibility } from './visibility.ts';

export interface ExportDeps {
  readonly jobs: ExportJobStore;
  readonly fhir: FhirStore;
  readonly matches: MatchStore;
  readonly visibility: Visibility;
  readonly runs: ExportRuns;
  readonly baseUrl: string;
  readonly now: () => Date;
}

/** Exports of one partner that may be under way at one time. */
const MOST_RUNNING = 20;
const RETRY_AFTER_MS = 30_000;

/** Kick-off of Bulk Data exports: `Patient/$export` and `Patient/<id>/$export`, by GET and POST. */
export function exportRouter(deps: ExportDeps): Router {
  const router = Router();
  const kickOff = async (req: Request<{ id?: string }>, res: Response): Promise<void> => {
    const caller = callerOfRequest(res);
    const request = readExportRequest(req as Request, deps.baseUrl);
    const types = typesInScope(caller, request.types);
    const named = req.params.id === undefined ? request.patientIds : [req.params.id];
    const patientIds = await patientsOf(caller, named, deps);
    const id = randomUUID();
    const job = {
      ...{ id, clientId: caller.clientId, isOperator: caller.kind === 'operator', patientIds, types },
      ...{ since: request.since, origin: request.origin },
      requestUrl: `${deps.baseUrl}${req.url}`,
    };
    if (!(await deps.jobs.create(job, MOST_RUNNING))) {
      throw new ExchangeError('throttled', { retryAfterMs: RETRY_AFTER_MS });
    }
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

/**
 * The types that are asked for and that the token covers; empty for all there are. Those asked for by name must be
 * covered, each of them.
 * @throws ExchangeError `forbidden`
 */
function typesInScope(caller: Caller, asked: readonly string[]): readonly string[] {
  for (const type of asked) assertScope(caller, type, 'r');
  if (asked.length > 0 || coversScopes(caller.scope, 'system/*.r')) return asked;
  const covered = [...RESOURCE_TYPES].filter((type) => coversScopes(caller.scope, `system/${type}.r`));
  if (covered.length === 0) throw new ExchangeError('forbidden');
  return covered;
}

/**
 * Ids of the members: for a partner those that it has matched (whichever of a member's compartments it named), and no
 * others; the answer does not tell who else is a member.
 */
async function patientsOf(
  caller: Caller,
  named: readonly string[] | undefined,
  { fhir, matches, visibility, now }: ExportDeps,
): Promise<readonly string[]> {
  if (caller.kind === 'partner') {
    const found =
      named === undefined
        ? await matches.inForce(caller.clientId, now())
        : await Promise.all(named.map((id) => visibility.matchOf(caller, id)));
    if (found.length === 0) throw new ExchangeError('consent-withdrawn');
    const members = found.map((match) => {
      if (match === undefined) throw new ExchangeError('consent-withdrawn');
      return match.patientId;
    });
    return [...new Set(members)];
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
