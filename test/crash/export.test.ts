import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { payerProcess, until } from '../support/processes/payer-process.ts';
import type { PayerProcess } from '../support/processes/payer-process.ts';

/** Long enough that it can be caught in the middle. */
const RECORDS = 60_000;
const KICK_OFF = 'Patient/p1/$export?_type=Condition,Patient,Practitioner';

let payer: PayerProcess;
/** Of a run that nobody disturbed: a digest of the sorted lines of each type. */
let undisturbed: ReadonlyMap<string, string>;

/** All of one member, in one publication, on pages; without marks, so that each is read. */
const SEED = `
  WITH clock AS (
    UPDATE publication_clock SET instant = greatest(date_trunc('milliseconds', clock_timestamp()), instant + interval '1 millisecond')
    RETURNING instant
  ), publication AS (INSERT INTO publication (published_at) SELECT instant FROM clock RETURNING id)
  INSERT INTO resource (type, id, publication_id, patient_id, page_id, page_row, content_hash, content)
  SELECT 'Condition', 'c' || n, publication.id, 'p1', 1000000 + n / 64, n % 64, '\\x00',
    '{"resourceType":"Condition","id":"c' || n || '","subject":{"reference":"Patient/p1"},"asserter":{"reference":"Practitioner/d"},"note":[{"text":"' || repeat(md5(n::text), 30) || '"}]}'
  FROM publication, generate_series(1, ${RECORDS}) AS n`;
const ALL_MARKS = 15 << 11;
const SEED_PAGES = `
  INSERT INTO record_page (id, patient_id, type, publication_id, ids, records)
  SELECT page_id, 'p1', 'Condition', min(publication_id), string_agg(id, ' ' ORDER BY page_row), string_agg(
    int4send(page_row | (length(id) << 8)) || int4send(${ALL_MARKS}) || int4send(octet_length(content)) || int4send(0), '' ORDER BY page_row)
  FROM resource WHERE type = 'Condition' GROUP BY page_id`;

interface Manifest {
  readonly output: readonly { readonly type: string; readonly url: string; readonly count: number }[];
}

beforeAll(async () => {
  payer = await payerProcess({});
  await payer.start();
  await payer.ask('PUT', 'Patient/p1', '{"resourceType":"Patient","id":"p1"}');
  await payer.ask('PUT', 'Practitioner/d', '{"resourceType":"Practitioner","id":"d"}');
  await payer.query(SEED);
  await payer.query(SEED_PAGES);
  undisturbed = await contentOf(await complete(await begin()));
}, 180_000);

afterAll(async () => {
  await payer.stop();
  payer.remove();
}, 60_000);

async function begin(): Promise<string> {
  const { status, location, text } = await payer.ask('GET', KICK_OFF);
  if (status !== 202) throw new Error(`${status} ${text}`);
  return location;
}

async function complete(location: string): Promise<Manifest> {
  let answer = await payer.get(location);
  await until(async () => {
    answer = await payer.get(location);
    return answer.status !== 202;
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Manifest;
}

async function contentOf({ output }: Manifest): Promise<ReadonlyMap<string, string>> {
  const lines = new Map<string, string[]>();
  for (const { type, url, count } of output) {
    const text = await (await payer.get(url)).text();
    const own = text.split('\n').slice(0, -1);
    expect([url, own.length]).toEqual([url, count]);
    lines.set(type, [...(lines.get(type) ?? []), ...own]);
  }
  expect(lines.get('Condition')).toHaveLength(RECORDS);
  const digest = (all: readonly string[]): string =>
    createHash('sha256')
      .update([...all].sort().join('\n'))
      .digest('hex');
  return new Map([...lines].map(([type, all]) => [type, digest(all)]));
}

const isWriting = async (location: string): Promise<boolean> => {
  const id = location.split('/').at(-1) ?? '';
  const rows = await payer.query(
    `SELECT 1 FROM export_job j WHERE j.id = '${id}' AND j.state = 'running'
     AND EXISTS (SELECT 1 FROM export_part p WHERE p.job_id = j.id AND p.type = 'Condition')`,
  );
  return rows.length > 0;
};

describe('kill -9 in the middle of an export', () => {
  it('of everything: it goes on at the next start, and its files hold what an undisturbed run has', async () => {
    const location = await begin();
    await until(() => isWriting(location));
    await payer.killEverything();
    await payer.start();
    expect(await contentOf(await complete(location))).toEqual(undisturbed);
  }, 240_000);

  it('of the program alone: the same', async () => {
    const location = await begin();
    await until(() => isWriting(location));
    await payer.killProgram();
    await until(() => payer.alive().length === 0);
    await payer.start();
    expect(await contentOf(await complete(location))).toEqual(undisturbed);
  }, 240_000);
});

describe("kill -9 in the middle of a client's download", () => {
  it('lets the client go on where it was, to the same bytes under the same validator', async () => {
    const { output } = await complete(await begin());
    const { url } = output.find(({ type, count }) => type === 'Condition' && count > 1000) ?? { url: '' };
    const plain = { 'accept-encoding': 'identity' };
    const whole = Buffer.from(await (await payer.get(url, plain)).arrayBuffer());
    const first = await payer.get(url, plain);
    const etag = first.headers.get('etag') ?? '';
    const reader = first.body?.getReader();
    const begun = await reader?.read();
    await payer.killEverything();
    await reader?.cancel().catch(() => undefined);
    const received = Buffer.from((begun?.value as Uint8Array | undefined) ?? []);
    expect(received.length).toBeLessThan(whole.length);
    await payer.start();
    const rest = await payer.get(url, { ...plain, range: `bytes=${received.length}-`, 'if-range': etag });
    expect([rest.status, rest.headers.get('etag')]).toEqual([206, etag]);
    expect(Buffer.concat([received, Buffer.from(await rest.arrayBuffer())]).equals(whole)).toBe(true);
  }, 240_000);
});
