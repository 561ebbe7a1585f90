import { withFailures } from '../activities/failures.ts';
import { createHousekeepingActivities } from '../activities/housekeeping.ts';
import { createRepetitionActivities } from '../activities/requester/repetition-activities.ts';
import { createResponderActivities } from '../activities/responder/responder-activities.ts';
import { createExchanges } from '../temporal/exchanges.ts';
import { createExportRuns } from '../temporal/export-jobs.ts';
import { notificationActivities } from './wire-notifications.ts';
import { repetitionDeps } from './wire-repetitions.ts';
import { exchangeLimits, requesterActivities } from './wire-requester.ts';
import { responderDeps } from './wire-responder.ts';
import type { Wiring } from './wiring.ts';

const SETTLED_AFTER_MS = 15_000;

/** Every activity by its name. */
export function wireActivities(wiring: Wiring): object {
  const { config, logger, requester, jobs, matches, temporal, servers, queues } = wiring;
  const { expirySeconds } = config.file.export;
  const exchanges = createExchanges(temporal.client, queues);
  const exportRuns = createExportRuns(wiring.temporal.client, wiring.queues);
  const responder = createResponderActivities(responderDeps(wiring));
  const housekeeping = createHousekeepingActivities({
    ...requester,
    ...{ settledAfterMs: SETTLED_AFTER_MS, jobs, matches, exportRuns, expirySeconds },
    runs: {
      state: (taskId) => exchanges.state(taskId),
      async restart(taskId) {
        const { payerPid, request } = await requester.exchanges.load(taskId);
        const limits = exchangeLimits(await servers.read(payerPid));
        await exchanges.start({ taskId, payerPid, limits, skipMatch: request.matchParameters === undefined });
      },
    },
  });
  const observe = (
    activityType: string,
    _input: unknown,
    error: { readonly code: string; readonly cause?: unknown },
  ) => {
    logger.warn('activity-failed', { activityType, code: error.code, error: error.cause });
    return Promise.resolve();
  };
  return {
    ...requesterActivities(requester, logger),
    ...withFailures(responder, observe),
    ...withFailures(housekeeping, observe),
    ...withFailures(createRepetitionActivities(repetitionDeps(wiring)), observe),
    ...notificationActivities(wiring, observe),
  };
}
