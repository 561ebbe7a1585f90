import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

export interface CopiedOut {
  readonly rows: number;
  readonly seconds: number;
}

const ALL = 'COPY (SELECT content FROM resource) TO STDOUT';

/** Of the members' records the version that shows: what an export asks for before it asks who may have what. */
const NEWEST = `COPY (
  SELECT r.content FROM resource r JOIN publication p ON p.id = r.publication_id
  WHERE r.patient_id IS NOT NULL AND p.published_at IS NOT NULL AND NOT r.deleted AND NOT r.evidence AND NOT EXISTS (
    SELECT 1 FROM resource n JOIN publication np ON np.id = n.publication_id
    WHERE n.type = r.type AND n.id = r.id AND n.publication_id <> r.publication_id AND np.published_at > p.published_at
  )
) TO STDOUT`;

/** What no export out of this table can be faster than: every text, in whatever order, to one reader. */
export const copyAll = (databaseUrl: string): Promise<CopiedOut> => copyOut(databaseUrl, ALL, []);

/** With the level that the files of an export are sent with. */
export const copyGzipped = (databaseUrl: string): Promise<CopiedOut> =>
  copyOut(databaseUrl, ALL, [createGzip({ level: 1 })]);

/** Of the records that an export chooses from. */
export const copyNewest = (databaseUrl: string): Promise<CopiedOut> => copyOut(databaseUrl, NEWEST, []);

async function copyOut(
  databaseUrl: string,
  sql: string,
  through: readonly NodeJS.ReadWriteStream[],
): Promise<CopiedOut> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const copied = client.query(copyTo(sql));
    const begun = performance.now();
    await pipeline([copied, ...through, nowhere()]);
    return { rows: copied.rowCount, seconds: (performance.now() - begun) / 1000 };
  } finally {
    await client.end();
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
