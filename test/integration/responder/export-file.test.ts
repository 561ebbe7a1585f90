import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient, codeOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

const MEGABYTE = 1024 * 1024;
const PLAIN = { 'accept-encoding': 'identity' };

let payer: RespondingPayer;
let partner: BulkClient;
let manifest: Manifest;

const scan = (id: string, bytes: number): string =>
  `{"resourceType":"DocumentReference","id":"${id}","meta":{"profile":["urn:scan"]},"status":"current","subject":{"reference":"Patient/ann"},"content":[{"attachment":{"contentType":"text/plain","data":"${'QUJD'.repeat(bytes / 4)}"}}]}`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  for (const [id, bytes] of [
    ['a', 100],
    ['b', 3 * MEGABYTE],
    ['c', 100],
    ['d', 2 * MEGABYTE],
    ['e', 100],
  ] as const) {
    await createResource(payer.fhir, scan(id, bytes));
  }
  partner = await bulkClient(payer, 'new-payer');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
  manifest = await partner.exported('Patient/$export?patient=Patient/ann&_type=DocumentReference,Observation');
}, 60_000);

afterAll(() => payer.stop());

const urlOf = (type: string): string => manifest.output.find((file) => file.type === type)?.url ?? '';
const jobId = (): string => /export-file\/([^/]+)\//.exec(urlOf('Observation'))?.[1] ?? '';

describe('a file', () => {
  it('comes whole, with its length and a strong validator', async () => {
    const answer = await partner.get(urlOf('Observation'), PLAIN);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-type')).toBe('application/fhir+ndjson');
    expect(Number(answer.headers.get('content-length'))).toBe(bytes.length);
    expect(answer.headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(bytes.toString('utf8').endsWith('}\n')).toBe(true);
  });

  it('comes gzipped where that is accepted, under a validator of its own', async () => {
    const whole = await partner.get(urlOf('Observation'), PLAIN);
    const zipped = await partner.get(urlOf('Observation'), { 'accept-encoding': 'gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.headers.get('etag')).not.toBe(whole.headers.get('etag'));
    expect(await zipped.text()).toBe(await whole.text());
    const refused = await partner.get(urlOf('Observation'), { 'accept-encoding': 'gzip;q=0' });
    expect(refused.headers.get('content-encoding')).toBeNull();
  });

  it('tells its length to HEAD without its bytes', async () => {
    const authorization = `Bearer ${await payer.token('new-payer')}`;
    const answer = await fetch(urlOf('Observation'), { method: 'HEAD', headers: { authorization, ...PLAIN } });
    const whole = await partner.get(urlOf('Observation'), PLAIN);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, whole.headers.get('content-length')]);
  });

  it('goes on in the middle for the validator that it had, and from the start for another', async () => {
    const whole = await partner.get(urlOf('Observation'), PLAIN);
    const text = await whole.text();
    const range = { ...PLAIN, range: 'bytes=10-' };
    const rest = await partner.get(urlOf('Observation'), { ...range, 'if-range': whole.headers.get('etag') ?? '' });
    expect([rest.status, await rest.text()]).toEqual([206, text.slice(10)]);
    const again = await partner.get(urlOf('Observation'), { ...range, 'if-range': '"another"' });
    expect([again.status, await again.text()]).toEqual([200, text]);
  });
});

describe('a file with records that are longer than a part of it', () => {
  it('has each of them as a read does', async () => {
    const lines = await partner.lines(manifest, 'DocumentReference');
    const read = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => payer.fhir.read('DocumentReference', id)));
    const lengths = (texts: readonly (string | undefined)[]): readonly number[] =>
      texts.map((text) => text?.length ?? 0).sort((one, other) => one - other);
    expect(lengths(lines)).toEqual(lengths(read.map((each) => each?.text)));
    expect(read.every((each) => lines.includes(each?.text ?? ''))).toBe(true);
  });

  it('is kept in parts of which none is much longer than two megabytes', async () => {
    const { rows } = await payer.pool.query<{ longest: number; parts: string }>(
      'SELECT max(bytes) AS longest, count(*) AS parts FROM export_part WHERE job_id = $1 AND type = $2',
      [jobId(), 'DocumentReference'],
    );
    expect(rows[0]?.longest).toBeLessThanOrEqual(3 * MEGABYTE);
    expect(Number(rows[0]?.parts)).toBeGreaterThan(4);
  });

  it('comes in ranges that begin and end inside of them', async () => {
    const text = await (await partner.get(urlOf('DocumentReference'), PLAIN)).text();
    for (const [from, to] of [
      [0, 0],
      [MEGABYTE, MEGABYTE + 9],
      [500_000, 4_000_000],
      [text.length - 5, text.length - 1],
    ] as const) {
      const part = await partner.get(urlOf('DocumentReference'), { ...PLAIN, range: `bytes=${from}-${to}` });
      expect([part.status, (await part.text()) === text.slice(from, to + 1)]).toEqual([206, true]);
    }
  });
});

describe('a file of which something is gone', () => {
  it('is no file that ends early, but answered as unavailable', async () => {
    await payer.pool.query('DELETE FROM export_part WHERE job_id = $1 AND type = $2', [jobId(), 'Observation']);
    for (const headers of [PLAIN, { 'accept-encoding': 'gzip' }]) {
      const answer = await partner.get(urlOf('Observation'), headers);
      expect([answer.status, await codeOf(answer)]).toEqual([503, 'unavailable']);
      expect(answer.headers.get('etag')).toBeNull();
    }
  });
});

describe('the row of a file', () => {
  it('is written only by who has written its parts', async () => {
    const [file] = await payer.jobs.files(jobId());
    if (file === undefined) throw new Error('no file');
    const other = payer.jobs.addFile({ ...file, bytes: file.bytes - 1, digest: 'another', consents: [] });
    await expect(other).rejects.toMatchObject({ code: 'unavailable' });
    const [after] = await payer.jobs.files(jobId());
    expect(after).toEqual(file);
  });
});
