import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { z } from 'zod';
import { taskQueues } from '../../workflows/contract.ts';
import type { TaskQueues } from '../../workflows/contract.ts';

/** What `global-setup.ts` started for this run of Jest; handed to the test files through one environment variable. */
export const ENVIRONMENT_VARIABLE = 'CARRYOVER_TEST_ENVIRONMENT';

/** Migrated once; every test database is a copy. */
export const TEMPLATE_DATABASE = 'carryover_template';

export const environmentSchema = z.object({
  postgresUrl: z.string(),
  temporalAddress: z.string(),
  temporalNamespace: z.string(),
  temporalCli: z.string(),
});
export type TestEnvironment = z.infer<typeof environmentSchema>;

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

export interface TestTemporal {
  readonly address: string;
  readonly namespace: string;
  /** For ids and queues of this file alone. */
  readonly prefix: string;
  readonly queues: TaskQueues;
}

/** The servers of this run. */
export function testEnvironment(): TestEnvironment {
  const text = process.env[ENVIRONMENT_VARIABLE];
  if (text === undefined) throw new Error('No test environment: run this file in a Jest project that has globalSetup.');
  return environmentSchema.parse(JSON.parse(text));
}

/** A database of one's own, migrated and empty, or a copy of another one that nobody is connected to. */
export async function createTestDatabase(template = TEMPLATE_DATABASE): Promise<TestDatabase> {
  const { postgresUrl } = testEnvironment();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(postgresUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  return {
    ...{ name, url: url.href },
    async drop() {
      // Waits a few seconds for connections that are just closing: ending one by force is an error in its client.
      await onServer(postgresUrl, `DROP DATABASE IF EXISTS ${name}`).catch(() =>
        onServer(postgresUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      );
    },
  };
}

/** The Temporal server of this run, with names that no other file uses. */
export function testTemporal(): TestTemporal {
  const { temporalAddress, temporalNamespace } = testEnvironment();
  const prefix = `t${randomBytes(4).toString('hex')}`;
  return { address: temporalAddress, namespace: temporalNamespace, prefix, queues: taskQueues(prefix) };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
