import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient } from '../../support/bulk-client.ts';
import { eventually } from '../../support/eventually.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

/** Of a file: more than what lies between the two sides while nobody reads, so that most of it stays with the sender. */
const FILE_BYTES = 32 * 1024 * 1024;
const MARK_BYTES = 32;
const MEMBERS = ['ann', 'beth'] as const;

interface Exported {
  readonly url: string;
  readonly bytes: Buffer;
}

let payer: RespondingPayer;
let authorization: string;
const exported: Exported[] = [];

/** Every few bytes say whose they are, and where they stand. */
function scanOf(member: string): string {
  const marks = Array.from({ length: FILE_BYTES / MARK_BYTES }, (_, at) => `${member} ${at} `.padEnd(MARK_BYTES, '-'));
  return `{"resourceType":"Media","id":"scan-${member}","meta":{"profile":["urn:scan"]},"status":"completed","subject":{"reference":"Patient/${member}"},"note":[{"text":"${marks.join('')}"}]}`;
}

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  authorization = `Bearer ${await payer.token('slow-reader')}`;
  const partner = await bulkClient(payer, 'slow-reader');
  for (const member of MEMBERS) {
    await createResource(payer.fhir, scanOf(member));
    const given = member === 'ann' ? 'Ann' : 'Beth';
    const answer = await partner.post('Patient/$member-match', matchBody({ given, number: `M-${member}` }));
    if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
    const { output } = await partner.exported(`Patient/${member}/$export?_type=Media`);
    const read = await payer.fhir.read('Media', `scan-${member}`);
    exported.push({ url: output[0]?.url ?? '', bytes: Buffer.from(`${read?.text}\n`) });
  }
}, 120_000);

afterAll(() => payer.stop());

async function answerOf(url: string, encoding: string): Promise<IncomingMessage> {
  const request = get(url, { headers: { authorization, 'accept-encoding': encoding } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

/** Nothing is read from the database any more: what is sent has come as far as its reader lets it. */
const untilQuiet = (): Promise<true> =>
  eventually(() => (payer.pool.idleCount === payer.pool.totalCount ? true : undefined), 'no connection in use');

describe('files of two members that are read side by side, late and slowly', () => {
  it('hold the bytes of their own member alone, each in its place', async () => {
    const answers = await Promise.all(exported.map(({ url }) => answerOf(url, 'identity')));
    await untilQuiet();
    const readers = answers.map((answer) => answer.iterator() as AsyncIterableIterator<Buffer>);
    const at = exported.map(() => 0);
    // A little of the one, a little of the other.
    for (let open = readers.length; open > 0;) {
      open = 0;
      for (const [index, { bytes }] of exported.entries()) {
        const next = await readers[index]?.next();
        if (next === undefined || next.done === true) continue;
        open++;
        const start = at[index] ?? 0;
        at[index] = start + next.value.length;
        expect([index, start, next.value.equals(bytes.subarray(start, at[index]))]).toEqual([index, start, true]);
      }
    }
    expect(at).toEqual(exported.map(({ bytes }) => bytes.length));
  });
});

describe.each(['identity', 'gzip'])('readers who leave in the middle of a file that comes %s', (encoding) => {
  it('take no connection of the database with them', async () => {
    for (let n = 0; n < 25; n++) {
      const answer = await answerOf(exported[n % 2]?.url ?? '', encoding);
      await once(answer, 'readable');
      answer.destroy();
    }
    await untilQuiet();
    const answer = await answerOf(exported[0]?.url ?? '', 'identity');
    const chunks = (await answer.toArray()) as Buffer[];
    expect(Buffer.concat(chunks).equals(exported[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });
});
