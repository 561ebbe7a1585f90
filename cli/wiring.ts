import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';
import type express from 'express';
import type { Pool } from 'pg';
import { withFailures } from '../activities/failures.ts';
import { createHousekeepingActivities } from '../activities/housekeeping.ts';
import { createRepetitionActivities } from '../activities/requester/repetition-activities.ts';
import { noteMissingSchedules } from '../activities/requester/settle-repetitions.ts';
import { createResponderActivities } from '../activities/responder/responder-activities.ts';
import { createFhirApp } from '../api/app.ts';
import { authenticate } from '../api/auth.ts';
import { createFhirRestRouter } from '../api/fhir-rest/router.ts';
import { metadataRouter } from '../api/metadata.ts';
import { createAuthorizationServer } from '../api/oauth/authorization-server.ts';
import { smartConfigurationRouter } from '../api/oauth/discovery.ts';
import { endpointsOf } from '../api/oauth/endpoints.ts';
import { createP2pApp } from '../api/p2p/app.ts';
import { exportsPart } from '../api/p2p/exports.ts';
import { matchesPart } from '../api/p2p/matches.ts';
import { oidcClientsPart, oidcServersPart } from '../api/p2p/oidc-definitions.ts';
import { preflightPart } from '../api/p2p/preflight.ts';
import { invokeExportRouter } from '../api/requester/invoke-export.ts';
import { keptBinaryRouter } from '../api/requester/kept-binary.ts';
import { repeatRouter } from '../api/requester/repeat.ts';
import { taskRouter } from '../api/requester/task.ts';
import type { Config } from '../config.ts';
import { createDisclosure } from '../fhir/disclosure.ts';
import type { Disclosure } from '../fhir/disclosure.ts';
import { projectRoot } from '../embedded/project-root.ts';
import type { Secrets } from '../embedded/secrets.ts';
import type { Logger } from '../logger.ts';
import { createPeerHttp } from '../peer/http.ts';
import type { PeerHttp } from '../peer/http.ts';
import { createTokenSource } from '../peer/token.ts';
import type { PrismaClient } from '../prisma/generated/client.ts';
import { createSeal } from '../seal.ts';
import type { Seal } from '../seal.ts';
import { createExportJobStore } from '../store/export-jobs.ts';
import type { ExportJobStore } from '../store/export-jobs.ts';
import type { FhirStore } from '../store/fhir-store.ts';
import { createMatchStore } from '../store/matches.ts';
import type { MatchStore } from '../store/matches.ts';
import { createOidcClients } from '../store/oidc-clients.ts';
import { createOidcServers } from '../store/oidc-servers.ts';
import type { OidcClients, OidcServers } from '../store/partners.ts';
import { createPostgresFhirStore } from '../store/postgres/postgres-fhir-store.ts';
import { createPrisma } from '../store/prisma.ts';
import { createSigningKeys, publicKeys } from '../store/signing-keys.ts';
import { createTokenCache } from '../store/token-cache.ts';
import { createUsedAssertions } from '../store/used-assertions.ts';
import type { TemporalClient } from '../temporal/client.ts';
import { createExchanges } from '../temporal/exchanges.ts';
import { createExportRuns } from '../temporal/export-jobs.ts';
import type { ExportRuns } from '../temporal/export-jobs.ts';
import { ensureSchedules } from '../temporal/schedules.ts';
import type { TaskQueues } from '../workflows/contract.ts';
import type { OperatorModules } from './operator-modules.ts';
import { createWithheldMetrics } from './withheld-metrics.ts';
import type { WithheldMetrics } from './withheld-metrics.ts';
import {
  notificationActivities,
  notificationP2p,
  notificationParts,
  notificationRoutes,
} from './wire-notifications.ts';
import { seedSubscription } from './wire-notifications.ts';
import type { NotificationParts } from './wire-notifications.ts';
import { portalParts } from './wire-p2p.ts';
import { repetitionDeps } from './wire-repetitions.ts';
import { exchangeLimits, importSettings, requesterActivities, requesterDeps } from './wire-requester.ts';
import type { RequesterDeps } from '../activities/requester/deps.ts';
import { responderDeps, responderRoutes, responderVisibility } from './wire-responder.ts';
import type { ResponderParts } from './wire-responder.ts';

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
  /** What becomes of each resource on its way out, by whichever route. */
  readonly disclosure: Disclosure;
  readonly withheld: WithheldMetrics;
  readonly requester: RequesterDeps;
  readonly notification: NotificationParts;
  close(): Promise<void>;
}

export interface Apps {
  /** Served on PORT. */
  readonly fhir: express.Express;
  /** Served on P2P_PORT. */
  readonly p2p: express.Express;
}

const TOKEN_SECONDS = 300;
const SETTLED_AFTER_MS = 15_000;

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
  return {
    ...foundation,
    ...{ prisma, seal, http, fhir, servers, notification },
    clients: createOidcClients(prisma, seal),
    matches: createMatchStore(prisma, seal),
    jobs: createExportJobStore(prisma, seal),
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
    }),
    async close() {
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

export async function wireApps(wiring: Wiring): Promise<Apps> {
  const { config, secrets, logger, prisma, seal, fhir, clients, servers } = wiring;
  const { expirySeconds } = config.file.export;
  const endpoints = endpointsOf(config.publicUrl);
  const signingKeys = await createSigningKeys(prisma, seal);
  const responder = responderParts(wiring);
  const visibility = responderVisibility(responder);
  const exportRuns = exportRunsOf(wiring);
  const bearer = authenticate({
    ...{ issuer: endpoints.issuer, audience: endpoints.fhir, operatorClientId: secrets.adminClientId },
    publicKeys: () => Promise.resolve(publicKeys(signingKeys)),
    client: (clientId) => clients.find(clientId),
  });
  const baseUrl = config.fhirBaseUrl;
  const routers = [
    requesterRoutes(wiring),
    notificationRoutes(wiring),
    responderRoutes(responder, visibility, exportRuns),
    createFhirRestRouter({ store: fhir, baseUrl, visibility }),
  ];
  const app = createFhirApp({
    authorizationServer: createAuthorizationServer({
      endpoints,
      operator: { clientId: secrets.adminClientId, clientSecret: secrets.adminClientSecret },
      client: (clientId) => clients.find(clientId),
      signingKeys,
      usedAssertions: createUsedAssertions(prisma),
      tokenSeconds: wiring.tokenSeconds ?? TOKEN_SECONDS,
      log: logger,
    }),
    open: [metadataRouter({ baseUrl, ...programVersion(), routers }), smartConfigurationRouter(endpoints)],
    authenticate: bearer,
    protected: routers,
    log: logger,
  });
  const notification = notificationP2p(wiring);
  const p2p = createP2pApp({
    authenticate: bearer,
    parts: [
      oidcServersPart(servers),
      preflightPart(servers, wiring.requester.knowledge),
      oidcClientsPart(clients, secrets.adminClientId),
      matchesPart({ matches: wiring.matches, jobs: wiring.jobs, runs: exportRuns, expirySeconds }),
      exportsPart(wiring.jobs),
      ...portalParts(wiring),
      notification.part,
    ],
    open: [notification.open],
    version: programVersion().version,
    tokenEndpoint: endpoints.token,
    log: logger,
  });
  return { fhir: app, p2p };
}

function requesterRoutes(wiring: Wiring): Router {
  const { config, requester, servers, temporal, queues } = wiring;
  const { exchanges, tasks, fhir, files, blobs } = requester;
  const runs = createExchanges(temporal.client, queues);
  const baseUrl = config.fhirBaseUrl;
  const router = Router();
  router.use(
    invokeExportRouter({
      ...{ exchanges, tasks, fhir, runs, baseUrl },
      payers: () => servers.list(),
      limits: exchangeLimits,
      referenceSystem: config.file.referenceSystem,
    }),
    taskRouter({ tasks, exchanges, runs, baseUrl }),
    repeatRouter(repetitionDeps(wiring)),
    keptBinaryRouter({ files, blobs }),
  );
  return router;
}

const exportRunsOf = ({ temporal, queues }: Wiring): ExportRuns => createExportRuns(temporal.client, queues);

const responderParts = (wiring: Wiring): ResponderParts => ({ ...wiring, blobs: wiring.requester.blobs });

export function wireActivities(wiring: Wiring): object {
  const { config, logger, requester, jobs, matches, temporal, servers, queues } = wiring;
  const { expirySeconds } = config.file.export;
  const exchanges = createExchanges(temporal.client, queues);
  const exportRuns = exportRunsOf(wiring);
  const responder = createResponderActivities(responderDeps(responderParts(wiring)));
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

function programVersion(): { readonly version: string; readonly date: string } {
  const file = path.join(projectRoot(), 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return { version, date: new Date().toISOString() };
}
