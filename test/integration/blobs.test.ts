import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pool } from 'pg';
import { CHUNK_BYTES, createBlobStore } from '../../store/blobs.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';

const SIZE = 5 * CHUNK_BYTES + 777;

/** Bytes of which no piece is like another. */
function content(): Buffer {
  const blocks = Array.from({ length: Math.ceil(SIZE / 32) }, (_, index) =>
    createHash('sha256').update(String(index)).digest(),
  );
  return Buffer.concat(blocks).subarray(0, SIZE);
}

describe('a blob of several chunks', () => {
  const bytes = content();
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url, max: 2 });
    await createBlobStore(pool).append('b', 0, bytes);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  async function read(start?: number, end?: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of createBlobStore(pool).read('b', start, end)) parts.push(part);
    return Buffer.concat(parts);
  }

  it('is read as it was written', async () => {
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('gives of a range its bytes and no others, wherever it begins and ends', async () => {
    const place = fc.oneof(
      fc.integer({ min: 0, max: SIZE }),
      fc
        .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -2, max: 2 }))
        .map(([chunk, more]) => Math.max(chunk * CHUNK_BYTES + more, 0)),
    );
    await fc.assert(
      fc.asyncProperty(place, place, async (one, other) => {
        const [start, end] = one < other ? [one, other] : [other, one];
        expect((await read(start, end)).equals(bytes.subarray(start, end))).toBe(true);
      }),
      {
        numRuns: 60,
        examples: [
          [5, 6],
          [0, 100],
          [1000, 500_000],
        ],
      },
    );
  });
});
