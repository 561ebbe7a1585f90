import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Pool } from 'pg';
import type { Config } from '../config.ts';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import type { Logger } from '../logger.ts';
import { createPeerClient } from '../peer/fhir-client.ts';
import type { PeerHttp } from '../peer/http.ts';
import { PeerError } from '../peer/peer-error.ts';
import { createExchangeTokens } from '../peer/portal-token.ts';
import type { TokenSource } from '../peer/token.ts';
import type { Seal } from '../seal.ts';
import { createBlobStore } from '../store/blobs.ts';
import { createExchangeFileStore } from '../store/exchange-files.ts';
import { createExchangeStore } from '../store/exchanges.ts';
import type { ExchangeStore } from '../store/exchanges.ts';
import type { FhirStore } from '../store/fhir-store.ts';
import type { Outbox } from '../store/outbox.ts';
import { createPayerKnowledgeStore } from '../store/payer-knowledge.ts';
import { createPortalTokenStore } from '../store/portal-tokens.ts';
import { createTaskStore } from '../store/tasks.ts';
import { withFailures } from '../activities/failures.ts';
import type { FailureObserver } from '../activities/failures.ts';
import { createRequesterActivities } from '../activities/requester/requester-activities.ts';
import type { RequesterActivities } from '../activities/requester/requester-activities.ts';
import type { ImportSettings, RequesterDeps } from '../activities/requester/deps.ts';
import type { ImportThreads } from '../activities/requester/import-threads.ts';
import type { ExchangeLimits } from '../workflows/contract.ts';

export interface RequesterParts {
  readonly prisma: PrismaClient;
  readonly pool: Pool;
  readonly seal: Seal;
  readonly fhir: FhirStore;
  readonly http: PeerHttp;
  /** Our own tokens. */
  readonly tokens: TokenSource;
  readonly servers: () => Promise<readonly OidcServer[]>;
  readonly settings: ImportSettings;
  readonly outbox: Outbox;
  readonly threads: ImportThreads;
}

export function requesterDeps(parts: RequesterParts): RequesterDeps {
  const { prisma, pool, seal, fhir, http, servers, settings, outbox, threads } = parts;
  const store = createPortalTokenStore(prisma, seal);
  const tokens = createExchangeTokens({ own: parts.tokens, store, http, now: Date.now });
  return {
    exchanges: createExchangeStore(prisma, seal, outbox),
    tasks: createTaskStore(prisma, seal, outbox),
    files: createExchangeFileStore(pool),
    blobs: createBlobStore(pool),
    knowledge: createPayerKnowledgeStore(prisma),
    ...{ fhir, tokens, settings, threads },
    async payer({ id, payerPid, request }) {
      const found = (await servers()).find((server) => server.pid === payerPid);
      if (found === undefined) throw new ExchangeError('payer-unknown');
      return request.access === 'portal' ? { ...found, portalExchangeId: id } : found;
    },
    peer: (payer, signal) => createPeerClient({ payer, http, tokens, now: Date.now, signal }),
  };
}

export function requesterActivities(deps: RequesterDeps, logger: Logger): RequesterActivities {
  return withFailures(createRequesterActivities(deps), failureObserver(deps.exchanges, logger), {
    importFiles: 'import-failed',
    publishImport: 'import-failed',
  });
}

/** A log line of ids and codes; what the operator alone may read goes, sealed, to the exchange's row. */
function failureObserver(exchanges: ExchangeStore, logger: Logger): FailureObserver {
  return async (activityType, input, error) => {
    const taskId = taskIdOf(input);
    logger.warn('activity-failed', { activityType, taskId, code: error.code, error: error.cause });
    if (taskId === undefined) return;
    const peerOutcome = error instanceof PeerError ? error.outcome : undefined;
    const failure = {
      ...(error.detail !== undefined && { detail: error.detail }),
      ...(peerOutcome && { peerOutcome }),
    };
    if (Object.keys(failure).length === 0) return;
    await exchanges.keepFailure(taskId, failure).catch((failed: unknown) => {
      logger.warn('failure-not-kept', { taskId, error: failed });
    });
  };
}

function taskIdOf(input: unknown): string | undefined {
  if (typeof input === 'string') return input;
  const isObject = typeof input === 'object' && input !== null;
  return isObject && 'taskId' in input && typeof input.taskId === 'string' ? input.taskId : undefined;
}

export function importSettings({ file }: Config, ownOrganizationId: string | undefined): ImportSettings {
  return {
    ...file.import,
    responderIdentifierSystem: file.responderIdentifierSystem,
    migratedTag: file.migratedTag,
    provenanceProfile: file.provenanceProfile,
    provenanceVersionedReferences: file.provenanceVersionedReferences,
    mdmPatientIdentifier: file.mdmPatientIdentifier,
    ownOrganizationId,
  };
}

const SECOND = 1000;

/** A payer that names no wait is asked again after two seconds, then ever less often, at least once in five minutes. */
export function exchangeLimits(payer: OidcServer): ExchangeLimits {
  return {
    exportDeadlineMs: payer.exportDeadlineSeconds * SECOND,
    pollFloorMs: 2 * SECOND,
    pollCeilingMs: 300 * SECOND,
    parallelFiles: 4,
    slotRetryMs: 5 * SECOND,
    retry: { initialMs: SECOND, maximumMs: 60 * SECOND, attempts: 30 },
  };
}
