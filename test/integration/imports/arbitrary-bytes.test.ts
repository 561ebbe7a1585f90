import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { transferBlob } from '../../../store/exchange-files.ts';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import {
  LOCAL_PATIENT,
  payerDefinition,
  RESPONDING_ORGANIZATION,
  writeOwnRecords,
} from '../../support/requester/requester.ts';
import { once } from '../../support/requester/steps.ts';

let outside: Outside;
let database: TestDatabase;
let requester: DirectRequester;
let recordsBefore: string;

const records = async (): Promise<string> => {
  const { rows } = await requester.pool.query<{ row: string }>(
    `SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) AS row FROM resource r`,
  );
  return rows[0]?.row ?? '';
};

beforeAll(async () => {
  const { server } = await payerDefinition('http://127.0.0.1:9/fhir');
  outside = reachPayers([server]);
  database = await createTestDatabase();
  requester = outside.open(database.url, { settings: { maxRefusedLines: 100_000 } });
  await writeOwnRecords(requester.fhir);
  recordsBefore = await records();
});

afterAll(async () => {
  await requester.close();
  await outside.close();
  await database.drop();
});

/** An exchange one file of which holds these bytes; answers the lines that were refused, or why it ended. */
async function imported(
  bytes: Uint8Array,
): Promise<{ readonly taskId: string; readonly refused: number[] | 'file-damaged' }> {
  const { activities, blobs, exchanges, files } = requester;
  const { taskId } = await exchanges.open({
    ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: LOCAL_PATIENT, warnings: [] },
    request: { exportEntries: [], member: { id: 'p1' } },
  });
  await exchanges.change(taskId, { memberPatientId: 'p1' });
  await files.plan(taskId, [
    { list: 'output', type: 'Observation', url: 'http://127.0.0.1:9/f', announcedCount: undefined },
  ]);
  await blobs.append(transferBlob(taskId, 0), 0, bytes);
  await files.change(taskId, 0, { received: true });
  const share = { taskId, first: 0, last: 0 };
  try {
    await once(() => activities.downloadFiles(share));
    await once(() => activities.importFiles(share));
    return { taskId, refused: (await requester.fhir.refusedLines(taskId, 100_000)).map(({ line }) => line) };
  } catch (error) {
    // The damaged bytes are thrown away, and the next try asks a payer that is not there.
    if (!/could not be reached|shorter than announced/.test(String(error))) throw error;
    return { taskId, refused: 'file-damaged' };
  } finally {
    await exchanges.setActive(taskId, false);
  }
}

/** Numbers of the lines that hold anything, by the plainest reading of NDJSON. */
function linesWithContent(bytes: Uint8Array): { readonly numbers: number[]; readonly cut: boolean } {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '');
  const lines = text.split('\n');
  const numbers = lines.flatMap((line, index) => (line.replace(/\r$/, '') === '' ? [] : [index + 1]));
  const last = lines.at(-1)?.replace(/\r$/, '') ?? '';
  return { numbers, cut: last !== '' && !isJson(last) };
}

function isJson(latin1: string): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1')));
    return true;
  } catch {
    return false;
  }
}

const SOUND = '{"resourceType":"Observation","id":"o","status":"final","code":{},"subject":{"reference":"Patient/p1"}}';

/** Bytes among which no record is: noise, and records with one byte of their structure gone. */
const noise = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .array(fc.constantFrom('\n', '\r\n', '{', '}', '"', 'null', '[]', '{}', '\u0000', '\ufeff', '1e400'), {
      maxLength: 40,
    })
    .map((parts) => Buffer.from(parts.join(''))),
  fc.tuple(fc.nat(SOUND.length - 1), fc.nat(3)).map(([at, lines]) => {
    const broken = SOUND.slice(0, at);
    return Buffer.from(`${broken}\n`.repeat(lines + 1));
  }),
);

describe('any bytes', () => {
  it('that hold no record leave the store as it was, and are reported line by line', async () => {
    await fc.assert(
      fc.asyncProperty(noise, async (bytes) => {
        const { numbers, cut } = linesWithContent(bytes);
        const { taskId, refused } = await imported(bytes);
        expect(refused).toEqual(cut ? 'file-damaged' : numbers);
        await requester.fhir.removeImport(taskId);
        expect(await records()).toBe(recordsBefore);
      }),
      { numRuns: 60, examples: [[Buffer.from('\n\ufeff[]')]] },
    );
  }, 120_000);

  it('between records leave the records as they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { maxLength: 4 }), async (parts) => {
        const pieces = parts.flatMap((part) => [part, Buffer.from('\n')]);
        const bytes = Buffer.concat([...pieces, Buffer.from(`${SOUND}\n`)]);
        const { taskId, refused } = await imported(bytes);
        const { numbers } = linesWithContent(bytes);
        expect(refused).toEqual(numbers.slice(0, -1));
        expect((await requester.fhir.importCounts(taskId)).find(({ type }) => type === 'Observation')?.new).toBe(1);
        await requester.fhir.removeImport(taskId);
        expect(await records()).toBe(recordsBefore);
      }),
      { numRuns: 20 },
    );
  }, 120_000);
});
