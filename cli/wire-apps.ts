import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';
import type express from 'express';
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
import { projectRoot } from '../embedded/project-root.ts';
import { createSigningKeys, publicKeys } from '../store/signing-keys.ts';
import { createUsedAssertions } from '../store/used-assertions.ts';
import { createExchanges } from '../temporal/exchanges.ts';
import { createExportRuns } from '../temporal/export-jobs.ts';
import { notificationP2p, notificationRoutes } from './wire-notification-routes.ts';
import { portalParts } from './wire-p2p.ts';
import { repetitionDeps } from './wire-repetitions.ts';
import { exchangeLimits } from './wire-requester.ts';
import { responderRoutes, responderVisibility } from './wire-responder-routes.ts';
import type { Wiring } from './wiring.ts';

export interface Apps {
  /** Served on PORT. */
  readonly fhir: express.Express;
  /** Served on P2P_PORT. */
  readonly p2p: express.Express;
}

const TOKEN_SECONDS = 300;

export async function wireApps(wiring: Wiring): Promise<Apps> {
  const { config, secrets, logger, prisma, seal, fhir, clients, servers } = wiring;
  const { expirySeconds } = config.file.export;
  const endpoints = endpointsOf(config.publicUrl);
  const signingKeys = await createSigningKeys(prisma, seal);
  const visibility = responderVisibility(wiring);
  const exportRuns = createExportRuns(wiring.temporal.client, wiring.queues);
  const bearer = authenticate({
    ...{ issuer: endpoints.issuer, audience: endpoints.fhir, operatorClientId: secrets.adminClientId },
    publicKeys: publicKeys(signingKeys),
    client: (clientId) => clients.find(clientId),
  });
  const baseUrl = config.fhirBaseUrl;
  const routers = [
    requesterRoutes(wiring),
    notificationRoutes(wiring),
    responderRoutes(wiring, visibility, exportRuns),
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

function programVersion(): { readonly version: string; readonly date: string } {
  const file = path.join(projectRoot(), 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return { version, date: new Date().toISOString() };
}
