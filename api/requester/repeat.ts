import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ErrorCode } from '../../fhir/errors.ts';
import { consentEnd, earlier, readRepetition } from '../../fhir/repetition.ts';
import { renderTask } from '../../fhir/task.ts';
import type { TaskState } from '../../fhir/task.ts';
import type { ExchangeStore } from '../../store/exchanges.ts';
import type { RepetitionStore } from '../../store/repetitions.ts';
import type { TaskStore } from '../../store/tasks.ts';
import { requireOperator } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendResource } from '../outcome.ts';

export interface RepeatDeps {
  readonly tasks: TaskStore;
  readonly exchanges: ExchangeStore;
  readonly repetitions: RepetitionStore;
  /** Makes the schedule in Temporal as the row is. */
  readonly settle: (taskId: string) => Promise<void>;
  readonly now: () => Date;
}

/** What is wrong with the request itself, and would be again. */
const REQUEST_FAULTS: readonly ErrorCode[] = [
  ...(['request-invalid', 'request-unprocessable', 'parameters-invalid', 'payer-unknown', 'patient-unknown'] as const),
  ...([
    'patient-identifier',
    'member-not-matched',
    'member-ambiguous',
    'consent-refused',
    'consent-withdrawn',
  ] as const),
];

/** `POST Task/<id>/$repeat` and `POST Task/<id>/$end-repeat`: begins, replaces and ends the repetition of an exchange. */
export function repeatRouter({ tasks, exchanges, repetitions, settle, now }: RepeatDeps): Router {
  const router = Router();

  const answer = async (res: Response, task: TaskState): Promise<void> => {
    await settle(task.id);
    res.setHeader('Content-Location', `Task/${task.id}`);
    sendResource(res, 200, renderTask(task));
  };

  router.post('/Task/:id/$repeat', requireOperator, async (req: Request<{ id: string }>, res) => {
    const { every, until } = readRepetition(bodyText(req));
    const task = await tasks.read(req.params.id);
    const { request } = await exchanges.load(task.id);
    assertRepeatable(task);
    if (request.access === 'portal') {
      throw new ExchangeError('conflict', { diagnostics: "The exchange had a member's own token, which is gone." });
    }
    const last = earlier(until, consentEnd(request.matchParameters));
    if (last !== undefined && last < now()) {
      throw new ExchangeError('request-unprocessable', {
        diagnostics: 'until, or the period of the consent that was posted, has passed.',
      });
    }
    await repetitions.put(task.id, { every, until: last });
    await answer(res, task);
  });

  router.post('/Task/:id/$end-repeat', requireOperator, async (req: Request<{ id: string }>, res) => {
    const task = await tasks.read(req.params.id);
    await repetitions.end(task.id);
    await answer(res, task);
  });

  return router;
}

/** @throws ExchangeError `conflict` */
function assertRepeatable({ basedOn, status, reason }: TaskState): void {
  if (basedOn !== undefined) {
    throw new ExchangeError('conflict', { diagnostics: `This is a repetition itself; the first Task is ${basedOn}.` });
  }
  if (status === 'failed' && reason !== undefined && REQUEST_FAULTS.includes(reason)) {
    throw new ExchangeError('conflict', { diagnostics: `The exchange failed with ${reason}, and would fail again.` });
  }
}
