import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';
import type express from 'express';
import type { Pool } from 'pg';
import { withFailures } from '../activities/failures.ts';
import { createHousekeepingActivities } from '../activities/housekeeping.ts';
import { createResponderActivities } from '../activities/responder/responder-activities.ts';
import { createFhirApp } from '../api/app.ts';
import { authenticate } from '../api/auth.ts';
import { createFhirRestRouter } from '../api/fhir-rest/router.ts';
import { metadataRouter } from '../api/metadata.ts';
import { createAuthorizationServer } from '../api/oauth/authorization-server.ts';
import { smartConfigurationRouter } from '../api/oauth/discovery.ts';
import { endpointsOf } from '../api/oauth/endpoints.ts';
import { createP2pApp } from '../api/p2p/app.ts';
import { oidcClientsPart, oidcServersPart } from '../api/p2p/oidc-definitions.ts';
import { preflightPart } from '../api/p2p/preflight.ts';
import { invokeExportRouter } from '../api/requester/invoke-export.ts';
import { keptBinaryRouter } from '../api/requester/kept-binary.ts';
import { taskRouter } from '../api/requester/task.ts';
import { exportFileRouter } from '../api/responder/export-file.ts';
import { exportStatusRouter } from '../api/responder/export-status.ts';
import { exportRouter } from '../api/responder/export.ts';
import { memberMatchRouter } from '../api/responder/member-match.ts';
import { createVisibility } from '../api/responder/visibility.ts';
import type { Config } from '../config.ts';
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
import { ensureSchedules } from '../temporal/schedules.ts';
import type { TaskQueues } from '../workflows/contract.ts';
import { exchangeLimits, importSettings, requesterActivities, requesterDeps } from './wire-requester.ts';
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
  readonly requester: RequesterDeps;
  close(): Promise<void>;
}

export interface Apps {
  /** Served on PORT. */
  readonly fhir: express.Express;
  /** Served on P2P_PORT. */
  readonly p2p: express.Express;
}

const TOKEN_SECONDS = 300;
const LINES_PER_FILE = 10_000;
const SETTLED_AFTER_MS = 15_000;

export function wire(foundation: Foundation): Wiring {
  const { config, secrets, pool, databaseUrl } = foundation;
  const prisma = createPrisma(databaseUrl);
  const seal = createSeal(secrets.encryptionKeys);
  const http = createPeerHttp();
  const fhir = createPostgresFhirStore(pool);
  const servers = createOidcServers(prisma, seal);
  const tokens = createTokenSource({ cache: createTokenCache(prisma, seal), http, now: Date.now });
  const settings = importSettings(config, config.file.ownOrganization);
  return {
    ...foundation,
    ...{ prisma, seal, http, fhir, servers },
    clients: createOidcClients(prisma, seal),
    matches: createMatchStore(prisma, seal),
    jobs: createExportJobStore(prisma),
    requester: requesterDeps({ prisma, pool, seal, fhir, http, tokens, servers: () => servers.list(), settings }),
    async close() {
      await http.close();
      await prisma.$disconnect();
    },
  };
}

/** Applies the configuration file and creates schedules: once at each start, before anything is served. */
export async function prepare({ config, fhir, servers, clients, temporal, queues }: Wiring): Promise<void> {
  const { organizations, oidcServers, oidcClients } = config.file;
  const writes = organizations.map((organization) => ({
    ...{ kind: 'update' as const, type: 'Organization', id: organization.id },
    text: JSON.stringify(organization),
  }));
  if (writes.length > 0) await fhir.write(writes);
  await servers.apply(oidcServers);
  await clients.apply(oidcClients);
  await ensureSchedules(temporal.client, queues);
}

export async function wireApps(wiring: Wiring): Promise<Apps> {
  const { config, secrets, logger, prisma, seal, fhir, clients, servers } = wiring;
  const endpoints = endpointsOf(config.publicUrl);
  const signingKeys = await createSigningKeys(prisma, seal);
  const visibility = createVisibility(fhir, wiring.matches, () => new Date());
  const bearer = authenticate({
    ...{ issuer: endpoints.issuer, audience: endpoints.fhir, operatorClientId: secrets.adminClientId },
    publicKeys: () => Promise.resolve(publicKeys(signingKeys)),
    client: (clientId) => clients.find(clientId),
  });
  const baseUrl = config.fhirBaseUrl;
  const app = createFhirApp({
    authorizationServer: createAuthorizationServer({
      endpoints,
      operator: { clientId: secrets.adminClientId, clientSecret: secrets.adminClientSecret },
      client: (clientId) => clients.find(clientId),
      signingKeys,
      usedAssertions: createUsedAssertions(prisma),
      tokenSeconds: TOKEN_SECONDS,
      log: logger,
    }),
    open: [metadataRouter({ baseUrl, ...programVersion() }), smartConfigurationRouter(endpoints)],
    authenticate: bearer,
    protected: [
      requesterRoutes(wiring),
      responderRoutes(wiring, visibility),
      createFhirRestRouter({
        ...{ store: fhir, baseUrl },
        show: (caller, resource) => visibility.show(caller, resource),
      }),
    ],
    log: logger,
  });
  const p2p = createP2pApp({
    authenticate: bearer,
    parts: [
      oidcServersPart(servers),
      preflightPart(servers, wiring.requester.knowledge),
      oidcClientsPart(clients, secrets.adminClientId),
    ],
    open: [],
    version: programVersion().version,
    tokenEndpoint: endpoints.token,
    log: logger,
  });
  return { fhir: app, p2p };
}

function requesterRoutes({ config, requester, servers, temporal, queues }: Wiring): Router {
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
    keptBinaryRouter({ files, blobs }),
  );
  return router;
}

const now = (): Date => new Date();

function responderRoutes(wiring: Wiring, visibility: ReturnType<typeof createVisibility>): Router {
  const { config, fhir, matches, jobs, requester, temporal, queues } = wiring;
  const { matching } = config.file;
  const runs = createExportRuns(temporal.client, queues);
  const baseUrl = config.fhirBaseUrl;
  const router = Router();
  router.use(
    memberMatchRouter({
      ...{ fhir, matches, require: matching.require, maxFailures: matching.maxFailures, now },
      ownOrganization: config.file.ownOrganization,
    }),
    exportRouter({ jobs, fhir, matches, visibility, runs, baseUrl, now }),
    exportStatusRouter({ jobs, runs, baseUrl }),
    exportFileRouter({ jobs, blobs: requester.blobs, matches, now }),
  );
  return router;
}

export function wireActivities(wiring: Wiring): object {
  const { config, logger, requester, jobs, fhir, matches, temporal, servers, queues } = wiring;
  const { types, maxFileBytes, expirySeconds } = config.file.export;
  const exchanges = createExchanges(temporal.client, queues);
  const exportRuns = createExportRuns(temporal.client, queues);
  const responder = createResponderActivities({
    ...{ jobs, fhir, matches, blobs: requester.blobs },
    settings: { types, maxFileBytes, expirySeconds, linesPerFile: LINES_PER_FILE },
  });
  const housekeeping = createHousekeepingActivities({
    ...requester,
    ...{ settledAfterMs: SETTLED_AFTER_MS, jobs, exportRuns, expirySeconds },
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
  };
}

function programVersion(): { readonly version: string; readonly date: string } {
  const file = path.join(projectRoot(), 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return { version, date: new Date().toISOString() };
}
