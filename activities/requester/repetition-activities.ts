import { openRepetition } from './open-repetition.ts';
import type { OpenRepetitionDeps } from './open-repetition.ts';
import { settleRepetitions } from './settle-repetitions.ts';
import type { SettleDeps } from './settle-repetitions.ts';

export function createRepetitionActivities(deps: OpenRepetitionDeps & SettleDeps) {
  return {
    openRepetition: openRepetition(deps),
    settleRepetitions: () => settleRepetitions(deps),
  };
}

export type RepetitionActivities = ReturnType<typeof createRepetitionActivities>;
