import { authorizationCodePart } from '../api/p2p/authorization-code.ts';
import { batchJobPart } from '../api/p2p/batch-job.ts';
import type { P2pPart } from '../api/p2p/part.ts';
import { createAuthorizationCode } from '../peer/authorization-code.ts';
import { createBatchJobStore } from '../store/batch-jobs.ts';
import { createPortalAuthorizationStore } from '../store/portal-authorizations.ts';
import { createExchanges } from '../temporal/exchanges.ts';
import { exchangeLimits } from './wire-requester.ts';
import type { Wiring } from './wiring.ts';

type Parts = Pick<
  Wiring,
  'config' | 'prisma' | 'seal' | 'http' | 'fhir' | 'servers' | 'temporal' | 'queues' | 'requester'
>;

/** What a member's portal uses: its tokens at a payer, and batch jobs. */
export function portalParts(wiring: Parts): readonly P2pPart[] {
  const { config, prisma, seal, http, fhir, servers, temporal, queues, requester } = wiring;
  return [
    batchJobPart({
      ...{ servers, fhir, limits: exchangeLimits, referenceSystem: config.file.referenceSystem },
      ...{ exchanges: requester.exchanges, tasks: requester.tasks, batchJobs: createBatchJobStore(prisma) },
      runs: createExchanges(temporal.client, queues),
    }),
    authorizationCodePart({
      ...{ servers, authorizations: createPortalAuthorizationStore(prisma, seal), now: Date.now },
      flow: createAuthorizationCode({ http, now: Date.now }),
    }),
  ];
}
