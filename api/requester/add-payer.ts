import { Router } from 'express';
import type { Request, Response } from 'express';
import { assertTransition, readAddPayerTask } from '../../fhir/add-payer-task.ts';
import type { AddPayerRequest } from '../../fhir/add-payer-task.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { taskText } from '../../fhir/task-text.ts';
import type { TaskState } from '../../fhir/task.ts';
import type { TaskStore } from '../../store/tasks.ts';
import { assertScope, callerOfRequest, isOperator, requireOperator } from '../auth.ts';
import { bodyText } from '../body.ts';
import { assertOwnId, assertVersion } from '../notifications/subscription.ts';
import { sendText } from '../outcome.ts';

export interface AddPayerDeps {
  readonly tasks: TaskStore;
  readonly baseUrl: string;
}

/**
 * `POST Task`: a member's request to have a payer added, posted by the operator or by a portal whose token has the scope
 * `system/Task.c`. `PUT Task/<id>`: the operator takes it on, and closes it.
 */
export function addPayerRouter({ tasks, baseUrl }: AddPayerDeps): Router {
  const router = Router();
  const send = (res: Response, status: number, task: TaskState): void => {
    res.setHeader('ETag', `W/"${task.version}"`);
    if (status === 201) res.setHeader('Location', `${baseUrl}/Task/${task.id}/_history/${task.version}`);
    sendText(res, status, taskText(task));
  };

  router.post('/Task', async (req, res) => {
    const caller = callerOfRequest(res);
    if (!isOperator(caller)) assertScope(caller, 'Task', 'c');
    const text = bodyText(req);
    const request = readAddPayerTask(text);
    if (request.status !== 'requested') {
      throw new ExchangeError('request-unprocessable', {
        expression: 'Task.status',
        diagnostics: 'Accepted: requested.',
      });
    }
    const { task, existing } = await tasks.post({ text, request, postedBy: caller.clientId });
    send(res, existing ? 200 : 201, task);
  });

  router.put('/Task/:id', requireOperator, async (req: Request<{ id: string }>, res) => {
    const { id } = req.params;
    const task = await tasks.read(id);
    if (task.posted === undefined) {
      throw new ExchangeError('conflict', { diagnostics: 'The state of this Task is written by its exchange.' });
    }
    const text = bodyText(req);
    assertOwnId(text, id);
    const request = readAddPayerTask(text);
    assertVersion(req, task.version);
    assertSameRequest(readAddPayerTask(task.posted), request);
    assertTransition(task.status, request.status);
    send(res, 200, await tasks.replace(id, task.version, { text, request }));
  });

  router.delete('/Task/:id', requireOperator, () => {
    throw new ExchangeError('method-not-allowed', { diagnostics: 'A Task stays; it can be cancelled.' });
  });
  return router;
}

/** Who asks for what stays: another request is another Task. @throws ExchangeError `request-unprocessable` */
function assertSameRequest(former: AddPayerRequest, next: AddPayerRequest): void {
  const parts = [
    ['identifier', former.identifier, next.identifier],
    ['requester', former.patientId, next.patientId],
    ['owner', former.ownerId, next.ownerId],
    ['input', printed(former.inputs), printed(next.inputs)],
  ] as const;
  const changed = parts.find(([, before, after]) => before !== after);
  if (changed === undefined) return;
  throw new ExchangeError('request-unprocessable', {
    expression: `Task.${changed[0]}`,
    diagnostics: 'What was asked for cannot be changed.',
  });
}

const printed = (inputs: AddPayerRequest['inputs']): string => JSON.stringify(Object.entries(inputs).sort());
