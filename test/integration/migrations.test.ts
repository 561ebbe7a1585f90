import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { projectRoot } from '../../embedded/project-root.ts';
import { createExportPartStore } from '../../store/export-parts.ts';
import { PAGE_RECORDS } from '../../store/record-page.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';
import { standingOnPages, toldByPages } from '../support/pages.ts';

const FOLDER = path.join(projectRoot(), 'prisma', 'migrations');
const FILE = { jobId: 'job', type: 'Goal', number: 0 };

let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await createTestDatabase('template1');
  pool = new Pool({ connectionString: database.url });
});

afterEach(async () => {
  await pool.end();
  await database.drop();
});

/** The migrations by name behind `after`, up to `last`. */
async function migrate(after: string, last: string): Promise<void> {
  const names = readdirSync(FOLDER).filter((name) => name.startsWith('2') && name > after && name <= last);
  for (const name of names.sort()) await pool.query(readFileSync(path.join(FOLDER, name, 'migration.sql'), 'utf8'));
}

async function bytesOf(length: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createExportPartStore(pool).read(FILE, 0, length)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

const insertJob = (id: string, state: string): Promise<unknown> =>
  pool.query(`INSERT INTO export_job (id, client_id, patient_ids, state) VALUES ($1, 'c', '{}', $2)`, [id, state]);

const stateOf = async (id: string): Promise<unknown> =>
  (await pool.query<{ state: string }>('SELECT state FROM export_job WHERE id = $1', [id])).rows[0]?.state;

describe('exported files of before', () => {
  it('keep their bytes where these lay in a file of their own, and half of one is not gone on with', async () => {
    await migrate('', '20261121000018');
    await insertJob('job', 'complete');
    await insertJob('half', 'running');
    const lines = ['{"resourceType":"Goal","id":"a"}\n', '{"resourceType":"Goal","id":"é"}\n'].map((each) =>
      Buffer.from(each),
    );
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = lines;
    const length = first.length + second.length;
    await pool.query(
      `INSERT INTO export_file (job_id, type, number, count, bytes, sha256, consents) VALUES ('job', 'Goal', 0, 2, $1, 'x', '[]')`,
      [length],
    );
    const chunk = `INSERT INTO blob_chunk (blob_id, "offset", bytes) VALUES ('export/job/Goal/0', $1, $2)`;
    await pool.query(chunk, [0, first]);
    await pool.query(chunk, [first.length, second]);
    await migrate('20261121000018', '3');
    expect(await bytesOf(length)).toBe(Buffer.concat(lines).toString());
    expect([await stateOf('job'), await stateOf('half')]).toEqual(['complete', 'failed']);
    expect((await pool.query('SELECT 1 FROM blob_chunk')).rows).toEqual([]);
  });

  it('hold the same lines where each was named by itself, under another validator', async () => {
    await migrate('', '20261121000020');
    await insertJob('job', 'complete');
    await pool.query(
      `INSERT INTO publication (id, published_at) VALUES (1, '2026-01-01T00:00:00Z'), (2, '2026-01-02T00:00:00Z')`,
    );
    for (const [id, version] of [
      ['b', 1],
      ['a', 2],
    ]) {
      await pool.query(
        `INSERT INTO resource (type, id, publication_id, patient_id, content_hash, content) VALUES ('Goal', $1, $2, 'p', '', $3)`,
        [id, version, `{"resourceType":"Goal","id":"${id}","meta":{"source":"urn:s"}}`],
      );
    }
    const lineOf = (id: string, version: number): string =>
      `{"resourceType":"Goal","id":"${id}","meta":{"versionId":"${version}","lastUpdated":"2026-01-0${version}T00:00:00.000Z","source":"urn:s"}}\n`;
    const [kept, expected] = ['{"kept":true}\n', lineOf('b', 1) + lineOf('a', 2)];
    const length = kept.length + expected.length;
    await pool.query(
      `INSERT INTO export_part (job_id, type, number, "offset", bytes, ids, versions, kept) VALUES ('job', 'Goal', 0, 0, $1, '{b,NULL,a}', '{1,NULL,2}', $2)`,
      [length, Buffer.from(kept)],
    );
    await pool.query(
      `INSERT INTO export_file (job_id, type, number, count, bytes, digest, consents) VALUES ('job', 'Goal', 0, 3, $1, 'x', '[]')`,
      [length],
    );
    await migrate('20261121000020', '3');
    expect(await bytesOf(length)).toBe(expected + kept);
    const { rows } = await pool.query<{ digest: string }>('SELECT digest FROM export_file');
    expect(rows[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('records of before', () => {
  it('come to stand on pages, and those that have moved are noted', async () => {
    await migrate('', '20261121000021');
    await insertJob('half', 'running');
    await pool.query(`INSERT INTO publication (id, published_at) VALUES (1, now() - interval '1 day'), (2, now())`);
    const insert = `INSERT INTO resource (type, id, publication_id, patient_id, deleted, content_hash, content, marks, shared_references)`;
    await pool.query(
      `${insert} SELECT 'Goal', 'g' || n, 1, CASE WHEN n % 2 = 0 THEN 'p' ELSE 'q' END, n = 4, '', repeat('é', n),
         CASE WHEN n <> 6 THEN n END, CASE WHEN n % 3 = 0 THEN 'Practitioner/' || n % 7 END
       FROM generate_series(0, ${4 * PAGE_RECORDS}) AS n`,
    );
    await pool.query(`${insert} VALUES ('Goal', 'g0', 2, 'p', false, '', 'x', 1, NULL), ('Goal', 'g1', 2, 'p', false, '', 'x', 1, NULL),
      ('Goal', 'g2', 2, NULL, false, '', 'x', 1, NULL), ('Organization', 'o', 1, NULL, false, '', 'x', 1, 'Endpoint/e')`);
    await migrate('20261121000021', '3');
    const told = await toldByPages(pool);
    expect(told).toEqual(await standingOnPages(pool));
    expect(told.length).toBeGreaterThan(4 * PAGE_RECORDS);
    const sizes = new Map<string, number>();
    for (const { page } of told) sizes.set(page, (sizes.get(page) ?? 0) + 1);
    expect([...sizes.values()].sort((one, other) => other - one)).toEqual([
      ...Array.from({ length: 4 }, () => PAGE_RECORDS),
      2,
      1,
    ]);
    const { rows } = await pool.query<{ id: string }>('SELECT DISTINCT id FROM moved_record ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(['g1', 'g2']);
    expect(await stateOf('half')).toBe('failed');
  });
});

it('marks of before keep what they tell of years and words, and of services that last, and forget the months', async () => {
  await migrate('', '20261121000021');
  const before = {
    young: 2024,
    none: 0x7fff,
    all: (15 << 16) | 1999,
    ended: (600 << 20) | 2019,
    lasts: (0x7ff << 20) | 2019,
  };
  for (const [id, marks] of Object.entries(before)) {
    for (const patient of ['p', null]) {
      await pool.query(
        `INSERT INTO resource (type, id, publication_id, patient_id, content_hash, content, marks) VALUES ('Goal', $1, $2, $3, '', 'x', $4)`,
        [id, patient === null ? 1 : 2, patient, marks],
      );
    }
  }
  await migrate('20261121000021', '3');
  const { rows } = await pool.query<{ id: string; marks: number }>('SELECT id, marks FROM resource');
  expect(rows).toHaveLength(10);
  const now = { young: 2024, none: 0x7ff, all: (15 << 11) | 1999, ended: 2019, lasts: (0xffff << 15) | 2019 };
  for (const [id, marks] of Object.entries(now)) {
    expect(rows.filter((row) => row.id === id).map((row) => row.marks)).toEqual([marks, marks]);
  }
});
