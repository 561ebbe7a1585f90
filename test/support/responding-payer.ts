import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Pool } from 'pg';
import { withFailures } from '../../activities/failures.ts';
import type { ResponderDeps } from '../../activities/responder/deps.ts';
import { createResponderActivities } from '../../activities/responder/responder-activities.ts';
import { createFhirApp } from '../../api/app.ts';
import { authenticate } from '../../api/auth.ts';
import { createFhirRestRouter } from '../../api/fhir-rest/router.ts';
import { docrefRouter } from '../../api/responder/docref.ts';
import { everythingRouter } from '../../api/responder/everything.ts';
import { exportFileRouter } from '../../api/responder/export-file.ts';
import { exportStatusRouter } from '../../api/responder/export-status.ts';
import { exportRouter } from '../../api/responder/export.ts';
import { memberMatchRouter } from '../../api/responder/member-match.ts';
import { createVisibility } from '../../api/responder/visibility.ts';
import { createWithheldMetrics } from '../../cli/withheld-metrics.ts';
import type { WithheldMetrics } from '../../cli/withheld-metrics.ts';
import { createDisclosure } from '../../fhir/disclosure.ts';
import type { DisclosureRules, SeeResource } from '../../fhir/disclosure.ts';
import { oidcClientInput } from '../../fhir/oidc-definitions.ts';
import { createSeal } from '../../seal.ts';
import { createExportJobStore } from '../../store/export-jobs.ts';
import { createExportPartStore } from '../../store/export-parts.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import { createMatchStore } from '../../store/matches.ts';
import type { MatchStore } from '../../store/matches.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { databaseSocket } from '../../store/postgres/reading-socket.ts';
import { createPrisma } from '../../store/prisma.ts';
import { workflowBundle } from '../../temporal/bundle.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { createDataConverter } from '../../temporal/data-converter.ts';
import { createExportRuns } from '../../temporal/export-jobs.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { runWorkers } from '../../worker.ts';
import { createTestDatabase, testTemporal } from './environment.ts';
import { serveApp } from './serve.ts';

const ISSUER = 'http://payer.test';
export const MAX_FAILURES = 3;
export const LINES_PER_FILE = 10;

/** The responding side, whole but for its authorization server, on real Postgres and Temporal. */
export interface RespondingPayer {
  /** FHIR base as the client reaches it. */
  readonly url: string;
  readonly pool: Pool;
  readonly fhir: FhirStore;
  readonly parts: ExportPartStore;
  readonly jobs: ExportJobStore;
  readonly matches: MatchStore;
  readonly runs: ExportRuns;
  readonly withheld: WithheldMetrics;
  /** Of its activities. */
  readonly deps: ResponderDeps;
  token(clientId: string, scope?: string): Promise<string>;
  /** Stops and starts the workers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface RespondingOptions {
  readonly rules?: DisclosureRules;
  readonly seeResource?: SeeResource;
}

/** As an operator gets them who sets nothing. */
export const DEFAULT_RULES: DisclosureRules = {
  ...{ withholdDeniedAuthorizations: true, withholdDrugAuthorizations: true, withholdFinancials: true },
  lookBackYears: 5,
};

export async function startRespondingPayer(options: RespondingOptions = {}): Promise<RespondingPayer> {
  const { rules = DEFAULT_RULES, seeResource } = options;
  const database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 20, stream: databaseSocket });
  const prisma = createPrisma(database.url, 10);
  const keys = [{ id: 'k1', key: randomBytes(32) }];
  const temporal = testTemporal();
  const dataConverter = createDataConverter(keys);
  const connected = connectTemporal(temporal, dataConverter);
  const fhir = createPostgresFhirStore(pool);
  const parts = createExportPartStore(pool);
  const seal = createSeal(keys);
  const jobs = createExportJobStore(prisma, seal);
  const matches = createMatchStore(prisma, seal);
  const withheld = createWithheldMetrics();
  const disclosure = createDisclosure({ rules, seeResource });
  const runs = createExportRuns(connected.client, temporal.queues);
  const deps: ResponderDeps = {
    ...{ jobs, fhir, parts, matches, disclosure, countWithheld: withheld.count },
    settings: {
      ...{ types: undefined, linesPerFile: LINES_PER_FILE, maxFileBytes: 1024 * 1024, expirySeconds: 3600 },
      ...{ ownOrganizationId: 'own', provenanceProfile: 'pdex' },
    },
  };
  const activities = withFailures(createResponderActivities(deps), () => Promise.resolve());
  const bundle = await workflowBundle(path.resolve('.cache'));
  const startWorkers = () =>
    runWorkers({ temporal, dataConverter, bundle, queues: temporal.queues, activities, graceMs: 500 });
  let workers = await startWorkers();
  const { token, authentication } = await tokens();
  // The address must be known before the app is made.
  const late: { app?: ReturnType<typeof createFhirApp> } = {};
  const served = await serveApp((req, res) => void late.app?.(req, res));
  const baseUrl = `${served.url}/fhir`;
  const now = (): Date => new Date();
  const visibility = createVisibility({ fhir, matches, disclosure, countWithheld: withheld.count, now });
  const consents = { jobs, matches, now, hasConsentModule: seeResource !== undefined };
  late.app = createFhirApp({
    authorizationServer: (_req, _res, next) => next(),
    open: [],
    authenticate: authentication,
    protected: [
      memberMatchRouter({
        ...{ fhir, matches, now, require: undefined, maxFailures: MAX_FAILURES, ownOrganization: 'own' },
      }),
      exportRouter({ jobs, fhir, matches, visibility, runs, baseUrl, now, ownOrganization: 'own' }),
      everythingRouter({
        ...{ store: fhir, baseUrl, visibility, ownOrganization: 'own', provenanceProfile: 'pdex' },
      }),
      docrefRouter({ store: fhir, baseUrl, visibility }),
      exportStatusRouter({ runs, baseUrl, ...consents }),
      exportFileRouter({ parts, ...consents }),
      createFhirRestRouter({ store: fhir, baseUrl, visibility }),
    ],
    log: { error: () => undefined },
  });
  return {
    ...{ url: baseUrl, pool, fhir, parts, jobs, matches, runs, token, withheld, deps },
    pause: () => workers.stop(),
    async resume() {
      workers = await startWorkers();
    },
    async stop() {
      await served.close();
      await workers.stop();
      await connected.connection.close();
      await prisma.$disconnect();
      await pool.end();
      await database.drop();
    },
  };
}

/** Any client id but `operator` is a partner's; the partner `new-payer` has an Organization here. */
async function tokens() {
  const { publicKey, privateKey } = await generateKeyPair('ES384');
  const publicKeys = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES384' }] };
  return {
    token: (clientId: string, scope = 'system/*.rs') =>
      new SignJWT({ client_id: clientId, scope })
        .setProtectedHeader({ alg: 'ES384' })
        .setIssuer(ISSUER)
        .setAudience(`${ISSUER}/fhir`)
        .setExpirationTime('1h')
        .sign(privateKey),
    authentication: authenticate({
      ...{ issuer: ISSUER, audience: `${ISSUER}/fhir`, operatorClientId: 'operator' },
      publicKeys,
      client: (clientId) => {
        const input = oidcClientInput.parse({
          ...{ clientId, name: clientId, clientSecret: 'a-secret-that-nobody-uses' },
          ...(clientId === 'new-payer' && { organizationId: 'new-payer-org' }),
        });
        return Promise.resolve({ ...input, pid: 1 });
      },
    }),
  };
}
