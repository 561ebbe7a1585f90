import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { RequesterActivities } from '../../activities/requester/requester-activities.ts';
import type { ExchangeLimits } from '../contract.ts';
import { siblingQueues } from '../contract.ts';

type Proxies = ActivityInterfaceFor<RequesterActivities>;

export interface RequesterProxies {
  /** Short ones on our own rows. They wait for ever: nothing can go on without Postgres. */
  readonly own: Pick<Proxies, 'recordStep' | 'takeSlot' | 'freeSlot' | 'failExchange'>;
  /** Requests to the responding payer. */
  readonly peer: Pick<Proxies, 'authorize' | 'matchMember' | 'startExport' | 'checkExport'>;
  /** Files and records. */
  readonly transfer: Pick<Proxies, 'downloadFiles' | 'importFiles' | 'publishImport'>;
  /** What undoes; they have an end, so that a payer that is gone cannot keep a run open. */
  readonly undo: Pick<Proxies, 'releaseExport' | 'removeImport'>;
}

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
    }),
    peer: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '2m',
      retry: { ...backoff, maximumAttempts: retry.attempts },
    }),
    transfer: proxyActivities<RequesterActivities>({
      taskQueue: queues.transfer,
      startToCloseTimeout: '24h',
      heartbeatTimeout: '30s',
      retry: { ...backoff, maximumAttempts: retry.attempts },
    }),
    undo: proxyActivities<RequesterActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '5m',
      scheduleToCloseTimeout: '1h',
      retry: backoff,
    }),
  };
}
