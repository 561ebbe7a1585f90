import type { RepeatDeps } from '../api/requester/repeat.ts';
import type { OpenRepetitionDeps } from '../activities/requester/open-repetition.ts';
import { settleRepetition } from '../activities/requester/settle-repetitions.ts';
import type { SettleDeps } from '../activities/requester/settle-repetitions.ts';
import { createRepetitionStore } from '../store/repetitions.ts';
import { createRepetitionSchedules } from '../temporal/repetition-schedules.ts';
import { exchangeLimits } from './wire-requester.ts';
import type { Wiring } from './wiring.ts';

type Parts = Pick<Wiring, 'prisma' | 'seal' | 'temporal' | 'queues' | 'requester'>;

/** What repeats exchanges: behind the API, and in the worker. */
export function repetitionDeps(wiring: Parts): OpenRepetitionDeps & SettleDeps & RepeatDeps {
  const { prisma, seal, temporal, queues, requester } = wiring;
  const { exchanges, tasks, payer } = requester;
  const settling = {
    repetitions: createRepetitionStore(prisma, seal),
    schedules: createRepetitionSchedules(temporal.client, queues),
  };
  return {
    ...{ exchanges, tasks, payer, ...settling, limits: exchangeLimits },
    settle: (taskId) => settleRepetition(settling, taskId),
    now: () => new Date(),
  };
}
