import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { Pool } from 'pg';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { requesterActivities, requesterDeps } from '../../../cli/wire-requester.ts';
import type { RequesterDeps, ImportSettings } from '../../../activities/requester/deps.ts';
import { oidcServerInput } from '../../../fhir/oidc-definitions.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import { createLogger } from '../../../logger.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { createImportThreads } from '../../../threads/import-threads.ts';
import { createTokenSource } from '../../../peer/token.ts';
import { createSeal } from '../../../seal.ts';
import type { EncryptionKey } from '../../../seal.ts';
import type { FhirStore } from '../../../store/fhir-store.ts';
import { createOutbox } from '../../../store/outbox.ts';
import { createPostgresFhirStore } from '../../../store/postgres/postgres-fhir-store.ts';
import type { PrismaClient } from '../../../prisma/generated/client.ts';
import { databaseSocket } from '../../../store/postgres/reading-socket.ts';
import { createPrisma } from '../../../store/prisma.ts';
import { workflowBundle } from '../../../temporal/bundle.ts';
import { connectTemporal } from '../../../temporal/client.ts';
import { createDataConverter } from '../../../temporal/data-converter.ts';
import { createExchanges } from '../../../temporal/exchanges.ts';
import type { Exchanges } from '../../../temporal/exchanges.ts';
import type { ExchangeLimits } from '../../../workflows/contract.ts';
import { runWorkers } from '../../../worker.ts';
import { installQuietRuntime } from '../quiet-runtime.ts';
import { createTestDatabase, testTemporal } from '../environment.ts';
import type { TestTemporal } from '../environment.ts';
import { memoryTokenCache } from '../memory-token-cache.ts';

/** The requesting side without its API: stores, activities, workers, on real Postgres and Temporal. */
export interface Requester extends RequesterDeps {
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  readonly runs: Exchanges;
  readonly client: Client;
  readonly temporal: TestTemporal;
  readonly logLines: readonly string[];
  stop(): Promise<void>;
}

export const RESPONDING_ORGANIZATION = 'old-payer';
export const LOCAL_PATIENT = 'local-1';

export const TEST_LIMITS: ExchangeLimits = {
  exportDeadlineMs: 60_000,
  pollFloorMs: 20,
  pollCeilingMs: 200,
  parallelFiles: 3,
  slotRetryMs: 50,
  retry: { initialMs: 20, maximumMs: 200, attempts: 6 },
};

export const TEST_SETTINGS: ImportSettings = {
  maxRefusedLines: 10,
  maxLineBytes: 1024 * 1024,
  attachmentInlineBytes: 1024 * 1024,
  maxFetchedReferences: 1000,
  knownBy: ['http://hl7.org/fhir/sid/us-npi'],
  foreignLines: 'refuse',
  responderIdentifierSystem: 'urn:example:responder-ids',
  migratedTag: { system: 'http://smilecdr.com/fhir/tags', code: 'migrated' },
  provenanceProfile: 'vendor',
  provenanceVersionedReferences: false,
  mdmPatientIdentifier: undefined,
  ownOrganizationId: 'own-payer',
};

export async function startRequester(
  servers: readonly OidcServer[],
  settings: Partial<ImportSettings> = {},
  keys: readonly EncryptionKey[] = [{ id: 'k1', key: randomBytes(32) }],
): Promise<Requester> {
  installQuietRuntime();
  const database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 10, stream: databaseSocket });
  const prisma = createPrisma(database.url, 5);
  const seal = createSeal(keys);
  const temporal = testTemporal();
  const dataConverter = createDataConverter(keys);
  const connected = connectTemporal(temporal, dataConverter);
  const http = createPeerHttp();
  const threads = createImportThreads();
  const logLines: string[] = [];
  const logger = createLogger('debug', (line) => logLines.push(line));
  const deps = requesterDeps({
    ...{ prisma, pool, seal, http, threads },
    fhir: createPostgresFhirStore(pool),
    tokens: createTokenSource({
      http,
      now: Date.now,
      cache: memoryTokenCache(),
    }),
    servers: () => Promise.resolve(servers),
    outbox: createOutbox(seal, () => Promise.resolve()),
    settings: { ...TEST_SETTINGS, ...settings },
  });
  const workers = await runWorkers({
    temporal,
    dataConverter,
    bundle: await workflowBundle(path.resolve('.cache')),
    queues: temporal.queues,
    activities: requesterActivities(deps, logger),
    graceMs: 500,
  });
  await writeOwnRecords(deps.fhir);
  return {
    ...deps,
    ...{ pool, prisma, temporal, logLines },
    client: connected.client,
    runs: createExchanges(connected.client, temporal.queues),
    async stop() {
      await workers.stop();
      await connected.connection.close();
      await threads.close();
      await http.close();
      await prisma.$disconnect();
      await pool.end();
      await database.drop();
    },
  };
}

/** What the requesting payer holds before any exchange. */
export async function writeOwnRecords(fhir: FhirStore): Promise<void> {
  await fhir.write([
    { kind: 'update', type: 'Patient', id: LOCAL_PATIENT, text: localPatient },
    {
      kind: 'update',
      type: 'Organization',
      id: RESPONDING_ORGANIZATION,
      text: `{"resourceType":"Organization","id":"${RESPONDING_ORGANIZATION}","name":"Old Health Plan"}`,
    },
  ]);
}

const localPatient = `{"resourceType":"Patient","id":"${LOCAL_PATIENT}","identifier":[{"system":"urn:example:own","value":"77"}],"name":[{"family":"Zoë","given":["Ann"]}]}`;

/** A payer's definition and the public key that it must register. */
export async function payerDefinition(
  fhirEndpoint: string,
  more: Partial<OidcServer> = {},
): Promise<{ readonly server: OidcServer; readonly publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
  const privateJwk = { ...(await exportJWK(privateKey)), kid: 'key-1', alg: 'ES384' };
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES384' };
  const input = oidcServerInput.parse({
    name: 'Old Health Plan',
    issuer: fhirEndpoint,
    clientId: 'new-payer',
    privateJwk,
    fhirEndpoint,
    organizationId: RESPONDING_ORGANIZATION,
  });
  return { server: { ...input, pid: 1, ...more }, publicJwk };
}

/** Waits until the Task has ended, and answers it; the deadline is the test's. */
export async function endOf(
  requester: Pick<Requester, 'tasks'>,
  taskId: string,
): ReturnType<Requester['tasks']['read']> {
  for (;;) {
    const task = await requester.tasks.read(taskId);
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return task;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
