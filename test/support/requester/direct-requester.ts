import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import type { Client } from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { requesterActivities, requesterDeps } from '../../../cli/wire-requester.ts';
import type { ImportSettings, RequesterDeps } from '../../../activities/requester/deps.ts';
import type { RequesterActivities } from '../../../activities/requester/requester-activities.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import { createLogger } from '../../../logger.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { createImportThreads } from '../../../threads/import-threads.ts';
import { createTokenSource } from '../../../peer/token.ts';
import { PrismaClient } from '../../../prisma/generated/client.ts';
import { createSeal } from '../../../seal.ts';
import { createOutbox } from '../../../store/outbox.ts';
import { createPostgresFhirStore } from '../../../store/postgres/postgres-fhir-store.ts';
import { databaseSocket } from '../../../store/postgres/reading-socket.ts';
import { memoryTokenCache } from '../memory-token-cache.ts';
import { TEST_SETTINGS } from './requester.ts';

/** The stores and activities of the requesting side without Temporal: a test calls the steps itself. */
export interface DirectRequester extends RequesterDeps {
  readonly pool: Pool;
  readonly activities: RequesterActivities;
  close(): Promise<void>;
}

export interface DirectOptions {
  readonly settings?: Partial<ImportSettings>;
  /** The client that every connection to the database is made with, Prisma's included. */
  readonly Client?: typeof Client;
}

/** What outlives a database: the way to the payers, their tokens, the key of what is sealed. */
export interface Outside {
  open(databaseUrl: string, options?: DirectOptions): DirectRequester;
  close(): Promise<void>;
}

export function reachPayers(servers: readonly OidcServer[]): Outside {
  const http = createPeerHttp();
  const threads = createImportThreads();
  const seal = createSeal([{ id: 'k1', key: randomBytes(32) }]);
  const tokens = createTokenSource({
    http,
    now: Date.now,
    cache: memoryTokenCache(),
  });
  return {
    open(databaseUrl, { settings, Client: client } = {}) {
      const connections = { connectionString: databaseUrl, ...(client !== undefined && { Client: client }) };
      const pool = quietPool(connections, 6);
      const prismaPool = quietPool(connections, 3);
      const prisma = new PrismaClient({ adapter: new PrismaPg(prismaPool) });
      const deps = requesterDeps({
        ...{ prisma, pool, seal, http, threads, tokens, fhir: createPostgresFhirStore(pool) },
        servers: () => Promise.resolve(servers),
        outbox: createOutbox(seal, () => Promise.resolve()),
        settings: { ...TEST_SETTINGS, ...settings },
      });
      const logger = createLogger('error', () => undefined);
      return {
        ...{ ...deps, pool, activities: requesterActivities(deps, logger) },
        async close() {
          await prisma.$disconnect();
          await prismaPool.end();
          await pool.end();
        },
      };
    },
    close: () => {
      threads.close().catch(() => undefined);
      // Not waited for: an answer that an interrupted step did not read to its end keeps its connection open.
      http.close().catch(() => undefined);
      return Promise.resolve();
    },
  };
}

/** A connection that is lost while it is idle is reported to the pool, and replaced. */
function quietPool(
  connections: { readonly connectionString: string; readonly Client?: typeof Client },
  max: number,
): Pool {
  const pool = new Pool({ ...connections, max, stream: databaseSocket });
  pool.on('error', () => undefined);
  return pool;
}
