import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { RequesterActivities } from '../../activities/requester/requester-activities.ts';
import type { ExchangeLimits } from '../contract.ts';
import { siblingQueues } from '../contract.ts';

type Proxies = ActivityInterfaceFor<RequesterActivities>;

export interface RequesterProxies {
  /** Short ones on our own rows. They wait for ever: nothing can go on without Postgres. */
  readonly own: Pick<Proxies, 'recordStep' | 'takeSlot' | 'freeSlot' | 'failExchange'>;
  /** Requests to the responding payer that leave nothing behind. */
  readonly peer: Pick<Proxies, 'authorize' | 'matchMember' | 'checkExport'>;
  /** The request that begins something at the responding payer. */
  readonly kickOff: Pick<Proxies, 'startExport'>;
  /** Files and records. */
  readonly transfer: Pick<
    Proxies,
    'collectRecords' | 'downloadFiles' | 'fetchReferenced' | 'importFiles' | 'publishImport'
  >;
  /** What undoes; they have an end, so that a payer that is gone cannot keep a run open. */
  readonly undo: Pick<Proxies, 'releaseExport' | 'removeImport'>;
}

/** What an undo step takes back must have ended before: by default a cancelled activity is not waited for. */
const ENDED_BEFORE_UNDO = { cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const;

/** Time limits and retries of every activity, in one place. */
export function requesterProxies({ retry }: ExchangeLimits): RequesterProxies {
  const queues = siblingQueues(workflowInfo().taskQueue);
  const backoff = {
    initialInterval: retry.initialMs,
    backoffCoefficient: 2,
    maximumInterval: retry.maximumMs,
  };
  return {
    own: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '30s',
      retry: backoff,
      ...ENDED_BEFORE_UNDO,
    }),
    peer: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '2m',
      retry: { ...backoff, maximumAttempts: retry.attempts },
    }),
    kickOff: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '2m',
      retry: { ...backoff, maximumAttempts: retry.attempts },
      ...ENDED_BEFORE_UNDO,
    }),
    transfer: proxyActivities<RequesterActivities>({
      taskQueue: queues.transfer,
      startToCloseTimeout: '24h',
      heartbeatTimeout: '30s',
      retry: { ...backoff, maximumAttempts: retry.attempts },
      ...ENDED_BEFORE_UNDO,
    }),
    undo: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '5m',
      scheduleToCloseTimeout: '1h',
      retry: backoff,
    }),
  };
}
