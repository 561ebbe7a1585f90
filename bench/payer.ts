import { setTimeout as delay } from 'node:timers/promises';
import { exportJWK, generateKeyPair } from 'jose';
import { Pool } from 'pg';
import { exchangeLimits } from '../cli/wire-requester.ts';
import { newEncryptionKey, parseEncryptionKeys } from '../encryption-keys.ts';
import { StartError } from '../embedded/start-error.ts';
import { createSeal } from '../seal.ts';
import { createExchangeStore } from '../store/exchanges.ts';
import { createOidcServers } from '../store/oidc-servers.ts';
import { createPostgresFhirStore } from '../store/postgres/postgres-fhir-store.ts';
import { createPrisma } from '../store/prisma.ts';
import { createOutbox } from '../store/outbox.ts';
import { createTaskStore } from '../store/tasks.ts';
import { connectTemporal } from '../temporal/client.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { createExchanges } from '../temporal/exchanges.ts';
import { DEFAULT_QUEUE_PREFIX, exchangeWorkflowId, taskQueues } from '../workflows/contract.ts';
import type { PreparedSet } from './data.ts';
import { processEnvironment } from './environment.ts';
import { activityTimes } from './history.ts';
import type { ActivityTime } from './history.ts';
import type { Servers } from './servers.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface Exchanged {
  readonly activities: readonly ActivityTime[];
  /** The transaction of the publication, from its begin to its commit. */
  readonly publishMs: number;
}

/** A requesting payer: a database, a worker process, and the member whose records are asked for. */
export interface Payer {
  readonly name: string;
  readonly databaseUrl: string;
  readonly pool: Pool;
  readonly idleBytes: number;
  /** Runs one exchange to its end. */
  exchange(set: PreparedSet): Promise<Exchanged>;
  /** What the running exchanges have staged so far. */
  imported(): Promise<number>;
  /** Answers the peak memory of the worker in bytes; the database stays until it is dropped. */
  stop(): Promise<number>;
}

export interface PayerOptions {
  readonly name: string;
  /** Exchanges at a time. */
  readonly atOnce?: number;
  readonly profiles?: string;
}

const ORGANIZATION = 'responding-payer';
const LOOK_EVERY_MS = 100;

export async function startPayer(servers: Servers, { name, atOnce = 4, profiles }: PayerOptions): Promise<Payer> {
  const databaseUrl = await servers.createDatabase(name);
  const keys = newEncryptionKey();
  const configuration = await configurationOf(servers.partner, atOnce);
  const environment = processEnvironment(servers, name, { databaseUrl, encryptionKeys: keys, configuration });
  const worker = await startWorkerProcess(servers, { name, profiles, environment });
  const encryptionKeys = parseEncryptionKeys(keys);
  const seal = createSeal(encryptionKeys);
  const pool = new Pool({ connectionString: databaseUrl, max: 4 });
  pool.on('error', () => undefined);
  const prisma = createPrisma(databaseUrl, 4);
  const target = { address: servers.temporalAddress, namespace: servers.namespace };
  const { connection, client } = connectTemporal(target, createDataConverter(encryptionKeys));
  const fhir = createPostgresFhirStore(pool);
  // What is to be told of a Task is started by the sweep of the worker.
  const outbox = createOutbox(seal, () => Promise.resolve());
  const exchanges = createExchangeStore(prisma, seal, outbox);
  const tasks = createTaskStore(prisma, seal, outbox);
  const runs = createExchanges(client, taskQueues(DEFAULT_QUEUE_PREFIX));
  const [payer] = await createOidcServers(prisma, seal).list();
  if (payer === undefined) throw new StartError('The worker has not applied its configuration.');
  await watchPublications(pool);

  const open = async ({ patientId }: PreparedSet): Promise<string> => {
    const localPatientId = `local-${patientId}`;
    const text = JSON.stringify({ resourceType: 'Patient', id: localPatientId });
    // Written anew it would lose its link.
    if ((await fhir.read('Patient', localPatientId)) === undefined) {
      await fhir.write([{ kind: 'update', type: 'Patient', id: localPatientId, text }]);
    }
    const request = { exportEntries: [], member: { id: patientId } };
    const whom = { payerPid: payer.pid, organizationId: ORGANIZATION, localPatientId };
    return (await exchanges.open({ ...whom, request, warnings: [] })).taskId;
  };
  const ended = async (taskId: string): Promise<void> => {
    for (;;) {
      const { status, reason } = await tasks.read(taskId);
      if (status === 'completed') return;
      if (status === 'failed' || status === 'cancelled') {
        throw new StartError(`An exchange ended ${status}: ${reason ?? ''} (see ${name}.log)`);
      }
      await delay(LOOK_EVERY_MS);
    }
  };
  return {
    ...{ name, databaseUrl, pool, idleBytes: worker.idleBytes },
    async exchange(set) {
      const taskId = await open(set);
      await runs.start({ taskId, payerPid: payer.pid, limits: exchangeLimits(payer), skipMatch: true });
      await ended(taskId);
      const history = await client.workflow.getHandle(exchangeWorkflowId(taskId)).fetchHistory();
      return { activities: activityTimes(history), publishMs: await publishTime(pool, taskId) };
    },
    async imported() {
      const { rows } = await pool.query<{ total: string | null }>(
        'SELECT sum("new" + "updated" + "unchanged") AS total FROM exchange_count',
      );
      return Number(rows[0]?.total ?? 0);
    },
    async stop() {
      const peak = await worker.stop();
      await connection.close();
      await prisma.$disconnect();
      await pool.end();
      return peak;
    },
  };
}

async function configurationOf(partner: string, atOnce: number): Promise<object> {
  const { privateKey } = await generateKeyPair('ES384', { extractable: true });
  const privateJwk = { ...(await exportJWK(privateKey)), kid: 'bench', alg: 'ES384' };
  return {
    organizations: [{ resourceType: 'Organization', id: ORGANIZATION, name: 'Responding payer' }],
    oidcServers: [
      {
        ...{ name: 'Responding payer', issuer: partner, fhirEndpoint: `${partner}/fhir`, clientId: 'bench' },
        ...{ tokenEndpoint: `${partner}/token`, privateJwk, organizationId: ORGANIZATION },
        maxConcurrentExchanges: atOnce,
      },
    ],
  };
}

/** The transaction is inside the worker: a trigger that fires as it commits tells how long it has been open. */
async function watchPublications(pool: Pool): Promise<void> {
  await pool.query(`
    CREATE TABLE bench_publication (exchange_id TEXT, ms DOUBLE PRECISION);
    CREATE FUNCTION bench_publication() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO bench_publication VALUES
        (NEW.exchange_id, extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000);
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER bench_publication AFTER UPDATE OF published_at ON publication
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.published_at IS NOT NULL)
      EXECUTE FUNCTION bench_publication();`);
}

async function publishTime(pool: Pool, exchangeId: string): Promise<number> {
  const sql = 'SELECT max(ms) AS ms FROM bench_publication WHERE exchange_id = $1';
  return (await pool.query<{ ms: number | null }>(sql, [exchangeId])).rows[0]?.ms ?? Number.NaN;
}
