import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { Client } from 'pg';
import { freePort } from '../../embedded/free-port.ts';
import { migrate } from '../../embedded/migrate.ts';
import { findRunningPostgres, startPostgres } from '../../embedded/postgres.ts';
import { commandOf } from '../../embedded/process-table.ts';
import { startTemporalServer } from '../../embedded/temporal-server.ts';
import { registerSearchAttributes } from '../../temporal/search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { createTestDatabase, testEnvironment } from '../support/environment.ts';

const root = path.resolve(import.meta.dirname, '../..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-embedded-'));
  chmodSync(folder, 0o711);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 50_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await delay(20);
  }
}

/** Runs our code in another process, which can be killed; it says `up` and goes on. */
async function startElsewhere(script: string): Promise<ChildProcess> {
  const args = [
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    `${script}; console.log('up'); setInterval(() => {}, 1000)`,
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes('up') || child.exitCode !== null, 'the other process starts');
  expect(said).toContain('up');
  return child;
}

const importOf = (name: string): string => JSON.stringify(path.join(root, 'embedded', name));

describe('the embedded Postgres', () => {
  const options = (): { dataDir: string; database: string } => ({ dataDir: folder, database: 'carryover' });

  it('keeps what was committed when its owner and it are killed, and starts again', async () => {
    const owner = await startElsewhere(
      `const { startPostgres } = await import(${importOf('postgres.ts')}); await startPostgres(${JSON.stringify(options())})`,
    );
    const url = await findRunningPostgres(folder, 'carryover');
    expect(url).toBeDefined();
    await query(url ?? '', 'CREATE TABLE kept AS SELECT 1 AS n');
    const pid = Number(readFileSync(path.join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    owner.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    const again = await startPostgres(options());
    try {
      expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    } finally {
      await again.stop();
    }
  });

  it('ends a former server that still lives', async () => {
    const former = await startPostgres(options());
    const next = await startPostgres(options());
    try {
      await expect(former.exited).resolves.toBe(0);
      expect(await query(next.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    } finally {
      await next.stop();
    }
  });

  it('asks for its password, which only the owner can read', async () => {
    const server = await startPostgres(options());
    try {
      await expect(query(server.url.replace(/:[^:@]*@/, ':wrong@'), 'SELECT 1')).rejects.toThrow('password');
      expect(statSync(path.join(folder, 'postgres.password')).mode & 0o777).toBe(0o600);
    } finally {
      await server.stop();
    }
  });

  it('writes no statement and no value to its log', async () => {
    const server = await startPostgres(options());
    try {
      await query(server.url, 'CREATE TABLE one (id text PRIMARY KEY); ');
      await query(server.url, "INSERT INTO one VALUES ('sentinel')");
      await expect(query(server.url, "INSERT INTO one VALUES ('sentinel')")).rejects.toThrow();
      await expect(query(server.url, "SELECT 'sentinel'::int")).rejects.toThrow();
    } finally {
      await server.stop();
    }
    expect(readFileSync(path.join(folder, 'postgres.log'), 'utf8')).not.toContain('sentinel');
  });

  it('leaves no process behind after a stop', async () => {
    const server = await startPostgres(options());
    const pid = Number(readFileSync(path.join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    await server.stop();
    expect(commandOf(pid)).toBeUndefined();
    expect(await findRunningPostgres(folder, 'carryover')).toBeUndefined();
  });
});

describe('the embedded Temporal server', () => {
  const options = (): Parameters<typeof startTemporalServer>[0] => ({
    program: testEnvironment().temporalCli,
    dataDir: folder,
    namespace: 'payer',
    searchAttributes: { CarryoverStep: 'Keyword' },
  });

  it('keeps its workflows when its owner and it are killed, and starts again', async () => {
    const owner = await startElsewhere(
      `const { startTemporalServer } = await import(${importOf('temporal-server.ts')});
       const { address } = await startTemporalServer(${JSON.stringify(options())});
       const { Client, Connection } = await import('@temporalio/client');
       const client = new Client({ connection: await Connection.connect({ address }), namespace: 'payer' });
       await client.workflow.start('anything', { taskQueue: 'nobody', workflowId: 'kept' })`,
    );
    const pid = Number(readFileSync(path.join(folder, 'temporal.pid'), 'utf8'));
    owner.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    const again = await startTemporalServer(options());
    const connection = await Connection.connect({ address: again.address });
    try {
      const found = await connection.workflowService.describeWorkflowExecution({
        namespace: 'payer',
        execution: { workflowId: 'kept' },
      });
      expect(found.workflowExecutionInfo?.type?.name).toBe('anything');
    } finally {
      await connection.close();
      await again.stop();
    }
  });

  it('learns our search attributes as a server that we did not start, also twice at a time', async () => {
    const server = await startTemporalServer({ ...options(), searchAttributes: {} });
    const connection = await Connection.connect({ address: server.address });
    try {
      await Promise.all([registerSearchAttributes(connection, 'payer'), registerSearchAttributes(connection, 'payer')]);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'payer' });
      expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining([...SEARCH_ATTRIBUTES]));
    } finally {
      await connection.close();
      await server.stop();
    }
  });

  it('says which variable to change when the port of its UI is taken', async () => {
    const first = await startTemporalServer({ ...options(), uiPort: await freePort() });
    const uiPort = Number(new URL(first.uiUrl ?? '').port);
    try {
      const second = startTemporalServer({ ...options(), dataDir: path.join(folder, 'second'), uiPort });
      await expect(second).rejects.toThrow(`TEMPORAL_UI_PORT ${uiPort} is in use`);
    } finally {
      await first.stop();
    }
  });
});

describe('migrations', () => {
  it('leave nothing to do, for us and for Prisma', async () => {
    const database = await createTestDatabase();
    try {
      expect(await migrate(database.url)).toEqual([]);
      const rows = await query(database.url, 'SELECT * FROM "_prisma_migrations" ORDER BY migration_name');
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows as { migration_name: string; checksum: string }[]) {
        const file = path.join(root, 'prisma', 'migrations', row.migration_name, 'migration.sql');
        expect(existsSync(file)).toBe(true);
        expect(row).toMatchObject({
          checksum: createHash('sha256').update(readFileSync(file)).digest('hex'),
          finished_at: expect.any(Date),
          rolled_back_at: null,
          applied_steps_count: 1,
        });
      }
    } finally {
      await database.drop();
    }
  });

  it('are refused where an applied one has changed since', async () => {
    const database = await createTestDatabase();
    try {
      await query(database.url, `UPDATE "_prisma_migrations" SET checksum = repeat('0', 64)`);
      await expect(migrate(database.url)).rejects.toThrow('was applied in another form');
    } finally {
      await database.drop();
    }
  });

  it('are applied once when several programs start at a time', async () => {
    const database = await createTestDatabase();
    try {
      await query(database.url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      const applied = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
      expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    } finally {
      await database.drop();
    }
  });
});
