import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportNote } from '../../fhir/export-note.ts';
import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import { coversScopes } from '../../fhir/scopes.ts';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { assertScope, callerOfRequest } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { scopeOf } from './export-members.ts';
import type { KickOff, MembersDeps } from './export-members.ts';
import { readExportRequest } from './export-request.ts';
import { onlyMethods } from './only-methods.ts';

export interface ExportDeps extends MembersDeps {
  readonly jobs: ExportJobStore;
  readonly runs: ExportRuns;
  readonly baseUrl: string;
}

/** Exports of one partner that may be under way at one time. */
const MOST_RUNNING = 20;
const RETRY_AFTER_MS = 30_000;

const ROUTES: Readonly<Record<string, (id: string) => KickOff>> = {
  '/$export': () => ({ kind: 'system' }),
  '/Patient/$export': () => ({ kind: 'patients' }),
  '/Patient/:id/$export': (id) => ({ kind: 'patient', id }),
  '/Group/:id/$export': (id) => ({ kind: 'group', id, isDaVinci: false }),
  '/Group/:id/$davinci-data-export': (id) => ({ kind: 'group', id, isDaVinci: true }),
};

/** Kick-off of Bulk Data exports, by GET and POST: of everything, of members, of a Group. */
export function exportRouter(deps: ExportDeps): Router {
  const router = Router();
  for (const [path, kickOffOf] of Object.entries(ROUTES)) {
    const begin = async (req: Request<{ id?: string }>, res: Response): Promise<void> => {
      await kickOff(deps, kickOffOf(req.params.id ?? ''), req as Request, res);
    };
    router.all(path, onlyMethods('GET', 'POST'));
    router.get(path, begin);
    router.post(path, begin);
  }
  return router;
}

async function kickOff(deps: ExportDeps, asked: KickOff, req: Request, res: Response): Promise<void> {
  const caller = callerOfRequest(res);
  assertLevel(caller, asked);
  const isDaVinci = asked.kind === 'group' && asked.isDaVinci;
  const request = readExportRequest(req, deps.baseUrl, isDaVinci ? '$davinci-data-export' : '$export');
  const types = typesInScope(caller, request.types);
  const scope = await scopeOf(deps, caller, asked, request);
  const id = randomUUID();
  const { since, until, typeFilters, elements, origin, ignored } = request;
  const job = {
    ...{ id, clientId: caller.clientId, isOperator: caller.kind === 'operator', types },
    ...{ ...scope, since, until: until?.toISOString(), typeFilters, elements, origin },
    notes: [...ignored.map(passedOver), ...scope.notes],
    requestUrl: `${deps.baseUrl}${req.url}`,
  };
  if (!(await deps.jobs.create(job, MOST_RUNNING))) {
    throw new ExchangeError('throttled', { retryAfterMs: RETRY_AFTER_MS });
  }
  await deps.runs.start(id);
  res.status(202).setHeader('Content-Location', `${deps.baseUrl}/export-status/${id}`).end();
}

/**
 * A Group that is exported tells who belongs to it: that needs Group read (which Bulk Data says should be needed), or Patient
 * read, since SMART's own client asks for scopes of what it exports and for no more.
 * @throws ExchangeError `forbidden`; all records are the operator's
 */
function assertLevel(caller: Caller, asked: KickOff): void {
  if (asked.kind === 'group' && !coversScopes(caller.scope, 'system/Group.r')) assertScope(caller, 'Patient', 'r');
  const isAdmin = caller.kind === 'operator' && coversScopes(caller.scope, 'carryover.admin');
  if (asked.kind === 'system' && !isAdmin) throw new ExchangeError('forbidden');
}

const passedOver = (name: string): ExportNote => ({
  code: 'not-supported',
  expression: `Parameters.parameter.where(name = '${name.replace(/[^\w-]/g, '')}')`,
  diagnostics: 'The parameter was passed over.',
});

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
