import { Router } from 'express';
import type { Request, Response } from 'express';
import { assertTransition, readAddPayerTask } from '../../fhir/add-payer-task.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { taskText } from '../../fhir/task-text.ts';
import type { TaskState } from '../../fhir/task.ts';
import type { ExchangeStore } from '../../store/exchanges.ts';
import type { TaskSearch, TaskStore } from '../../store/tasks.ts';
import type { Exchanges } from '../../temporal/exchanges.ts';
import { assertScope, callerOfRequest, isOperator, requireOperator } from '../auth.ts';
import { sendText } from '../outcome.ts';

export interface TaskDeps {
  readonly tasks: TaskStore;
  readonly exchanges: ExchangeStore;
  readonly runs: Exchanges;
  readonly baseUrl: string;
}

const MOST = 1000;
const USUAL = 50;
const PARAMETERS = [
  ...['_id', 'identifier', 'status', 'patient', 'subject', 'code', '_lastUpdated', '_count', '_offset', '_format'],
];

/** `GET Task/<id>`, `GET Task?…`, `POST Task/<id>/$cancel` and `POST Task/<id>/$poll-now`. */
export function taskRouter({ tasks, exchanges, runs, baseUrl }: TaskDeps): Router {
  const router = Router();

  router.get('/Task', async (req, res) => {
    const postedBy = posterOf(res, 's');
    const search = { ...searchOf(req), ...(postedBy !== undefined && { postedBy }) };
    const { tasks: found, total } = await tasks.search(search);
    sendText(res, 200, searchset(found, total, search, req, baseUrl));
  });

  router.get('/Task/:id', async (req: Request<{ id: string }>, res) => {
    const task = await tasks.read(req.params.id, posterOf(res, 'r'));
    res.setHeader('ETag', `W/"${task.version}"`);
    sendText(res, 200, taskText(task));
  });

  router.post('/Task/:id/$cancel', requireOperator, async (req: Request<{ id: string }>, res) => {
    const { id } = req.params;
    const task = await tasks.read(id);
    if (task.posted !== undefined) {
      sendText(res, 200, taskText(await cancelPosted(tasks, task, task.posted)));
      return;
    }
    const { status } = task;
    const exchange = await exchanges.load(id);
    if (exchange.publishedAt !== undefined || ['completed', 'failed', 'cancelled'].includes(status)) {
      throw new ExchangeError('conflict', {
        diagnostics: `The Task is ${status}; only a running exchange can be cancelled.`,
      });
    }
    await exchanges.change(id, { cancelRequestedAt: new Date().toISOString() });
    if (!(await runs.cancel(id))) {
      // Written and never started: nobody else will say so.
      await tasks.record(id, {
        status: 'cancelled',
        businessStatus: 'queued',
        reason: 'cancelled',
        orderedAt: new Date(),
      });
      await exchanges.setActive(id, false);
    }
    sendText(res, 202, taskText(await tasks.read(id)));
  });

  router.post('/Task/:id/$poll-now', requireOperator, async (req: Request<{ id: string }>, res) => {
    const task = await tasks.read(req.params.id);
    if (!(await runs.pollNow(task.id)))
      throw new ExchangeError('conflict', { diagnostics: 'The exchange does not run.' });
    sendText(res, 202, taskText(task));
  });

  return router;
}

/** The operator sees every Task; a portal, which may post some, those that it posted: then its client id. */
function posterOf(res: Response, letters: string): string | undefined {
  const caller = callerOfRequest(res);
  if (isOperator(caller)) return undefined;
  assertScope(caller, 'Task', `c${letters}`);
  return caller.clientId;
}

function cancelPosted(tasks: TaskStore, { id, status, version }: TaskState, posted: string): Promise<TaskState> {
  assertTransition(status, 'cancelled');
  return tasks.replace(id, version, { text: posted, request: { ...readAddPayerTask(posted), status: 'cancelled' } });
}

function searchOf({ query }: Request): TaskSearch {
  for (const name of Object.keys(query)) {
    if (!PARAMETERS.includes(name)) {
      throw new ExchangeError('not-supported', {
        diagnostics: `Accepted: ${PARAMETERS.join(', ')}.`,
        expression: 'http.query',
      });
    }
  }
  const values = (name: string): string[] => [query[name] ?? []].flat().map(String);
  const tokens = (name: string): string[] | undefined => {
    const all = values(name).flatMap((value) => value.split(','));
    return all.length === 0 ? undefined : all.map((token) => token.slice(token.lastIndexOf('|') + 1));
  };
  const patient = [...values('patient'), ...values('subject')].map((value) => value.replace(/^(.*\/)?Patient\//, ''));
  const lastUpdated = values('_lastUpdated').map(dateCondition);
  return {
    ...(tokens('_id') && { ids: tokens('_id') }),
    ...(tokens('identifier') && { identifiers: tokens('identifier') }),
    ...(tokens('status') && { statuses: tokens('status') }),
    ...(tokens('code') && { codes: tokens('code') }),
    ...(patient[0] !== undefined && { patientId: patient[0] }),
    ...(lastUpdated.length > 0 && { lastUpdated }),
    count: numberOf(values('_count')[0], USUAL, MOST),
    offset: numberOf(values('_offset')[0], 0, Number.MAX_SAFE_INTEGER),
  };
}

function numberOf(text: string | undefined, usual: number, most: number): number {
  if (text === undefined) return usual;
  if (!/^\d{1,9}$/.test(text))
    throw new ExchangeError('request-invalid', { diagnostics: 'A whole number is expected.' });
  return Math.min(Number(text), most);
}

function dateCondition(text: string): NonNullable<TaskSearch['lastUpdated']>[number] {
  const [, prefix, date = ''] = /^(ge|gt|le|lt|eq)?(.*)$/.exec(text) ?? [];
  const instant = new Date(date);
  if (Number.isNaN(instant.getTime())) {
    throw new ExchangeError('request-invalid', {
      diagnostics: '_lastUpdated: a date with ge, gt, le, lt or eq is expected.',
    });
  }
  const op = prefix === 'ge' || prefix === 'gt' || prefix === 'le' || prefix === 'lt' ? prefix : 'eq';
  return { op, instant };
}

function searchset(
  found: readonly TaskState[],
  total: number,
  search: TaskSearch,
  req: Request,
  baseUrl: string,
): string {
  const link = [{ relation: 'self', url: `${baseUrl}${req.url}` }];
  const next = search.offset + found.length;
  if (next < total && found.length > 0) {
    const parameters = new URLSearchParams(req.url.split('?')[1] ?? '');
    parameters.set('_offset', String(next));
    link.push({ relation: 'next', url: `${baseUrl}/Task?${parameters.toString()}` });
  }
  const entries = found.map((task) => {
    const fullUrl = JSON.stringify(`${baseUrl}/Task/${task.id}`);
    return `{"fullUrl":${fullUrl},"resource":${taskText(task)},"search":{"mode":"match"}}`;
  });
  const head = `"resourceType":"Bundle","type":"searchset","total":${total},"link":${JSON.stringify(link)}`;
  return `{${head},"entry":[${entries.join(',')}]}`;
}
