import type { Pool } from 'pg';
import { noteMissingSchedules } from '../activities/requester/settle-repetitions.ts';
import type { Config } from '../config.ts';
import { createDisclosure } from '../fhir/disclosure.ts';
import type { Disclosure } from '../fhir/disclosure.ts';
import type { Secrets } from '../embedded/secrets.ts';
import type { Logger } from '../logger.ts';
import { createPeerHttp } from '../peer/http.ts';
import type { PeerHttp } from '../peer/http.ts';
import { createTokenSource } from '../peer/token.ts';
import type { PrismaClient } from '../prisma/generated/client.ts';
import { createSeal } from '../seal.ts';
import type { Seal } from '../seal.ts';
import { createExportJobStore } from '../store/export-jobs.ts';
import { createExportPartStore } from '../store/export-parts.ts';
import type { ExportJobStore } from '../store/export-jobs.ts';
import type { ExportPartStore } from '../store/export-parts.ts';
import type { FhirStore } from '../store/fhir-store.ts';
import { createMatchStore } from '../store/matches.ts';
import type { MatchStore } from '../store/matches.ts';
import { createOidcClients } from '../store/oidc-clients.ts';
import { createOidcServers } from '../store/oidc-servers.ts';
import type { OidcClients, OidcServers } from '../store/partners.ts';
import { createPostgresFhirStore } from '../store/postgres/postgres-fhir-store.ts';
import { createPrisma } from '../store/prisma.ts';
import { createTokenCache } from '../store/token-cache.ts';
import type { TemporalClient } from '../temporal/client.ts';
import { ensureSchedules } from '../temporal/schedules.ts';
import { createImportThreads } from '../threads/import-threads.ts';
import type { TaskQueues } from '../workflows/contract.ts';
import type { OperatorModules } from './operator-modules.ts';
import { createWithheldMetrics } from './withheld-metrics.ts';
import type { WithheldMetrics } from './withheld-metrics.ts';
import { notificationParts, seedSubscription } from './wire-notifications.ts';
import type { NotificationParts } from './wire-notifications.ts';
import { repetitionDeps } from './wire-repetitions.ts';
import { importSettings, requesterDeps } from './wire-requester.ts';
import type { RequesterDeps } from '../activities/requester/deps.ts';

/** What every part of a payer is made from; the one place where parts get to know each other. */
export interface Foundation {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly temporal: TemporalClient;
  readonly queues: TaskQueues;
  readonly modules: OperatorModules;
  /** Lifetime of access tokens; 300 where nothing is said. */
  readonly tokenSeconds?: number;
}

export interface Wiring extends Foundation {
  readonly prisma: PrismaClient;
  readonly seal: Seal;
  readonly http: PeerHttp;
  readonly fhir: FhirStore;
  readonly servers: OidcServers;
  readonly clients: OidcClients;
  readonly matches: MatchStore;
  readonly jobs: ExportJobStore;
  readonly exportParts: ExportPartStore;
  /** What becomes of each resource on its way out, by whichever route. */
  readonly disclosure: Disclosure;
  readonly withheld: WithheldMetrics;
  readonly requester: RequesterDeps;
  readonly notification: NotificationParts;
  close(): Promise<void>;
}

export function wire(foundation: Foundation): Wiring {
  const { config, secrets, pool, databaseUrl, logger, modules } = foundation;
  const prisma = createPrisma(databaseUrl);
  const seal = createSeal(secrets.encryptionKeys);
  const http = createPeerHttp();
  const fhir = createPostgresFhirStore(pool);
  const servers = createOidcServers(prisma, seal);
  const tokens = createTokenSource({ cache: createTokenCache(prisma, seal), http, now: Date.now });
  const settings = importSettings(config, config.file.ownOrganization);
  const notification = notificationParts({ ...foundation, prisma, seal });
  const { outbox } = notification;
  const threads = createImportThreads();
  return {
    ...foundation,
    ...{ prisma, seal, http, fhir, servers, notification },
    clients: createOidcClients(prisma, seal),
    matches: createMatchStore(prisma, seal),
    jobs: createExportJobStore(prisma, seal),
    exportParts: createExportPartStore(pool),
    withheld: createWithheldMetrics(),
    disclosure: createDisclosure({
      rules: config.file.export,
      seeResource: modules.seeResource,
      onModuleError: (error) => logger.warn('consent-module-failed', { error }),
    }),
    requester: requesterDeps({
      prisma,
      pool,
      seal,
      fhir,
      http,
      tokens,
      servers: () => servers.list(),
      settings,
      outbox,
      threads,
    }),
    async close() {
      await threads.close();
      await http.close();
      await notification.close();
      await prisma.$disconnect();
    },
  };
}

/** Applies the configuration file and creates schedules: once at each start, before anything is served. */
export async function prepare(wiring: Wiring): Promise<void> {
  const { config, fhir, servers, clients, temporal, queues } = wiring;
  const { organizations, oidcServers, oidcClients } = config.file;
  const writes = organizations.map((organization) => ({
    ...{ kind: 'update' as const, type: 'Organization', id: organization.id },
    text: JSON.stringify(organization),
  }));
  if (writes.length > 0) await fhir.write(writes);
  await servers.apply(oidcServers);
  await clients.apply(oidcClients);
  await seedSubscription(wiring);
  await ensureSchedules(temporal.client, queues);
  await noteMissingSchedules(repetitionDeps(wiring));
}
