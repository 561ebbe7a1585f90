import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ReusedBuffer } from '../../../store/postgres/reused-buffer.ts';
import { takeCopyData } from '../../../store/postgres/take-copy-data.ts';

function message(letter: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

const ROWS = ['first', 'x'.repeat(40), 'third'];
const BEFORE = [message('C', 'BEGIN'), message('H', 'copy'), message('d', 'first'), message('N', 'a notice')];
const BETWEEN = [message('d', 'x'.repeat(40)), message('S', 'a=b'), message('d', 'third'), message('c', '')];
const BEHIND = [message('C', 'COPY 3'), message('Z', 'I'), message('S', 'c=d'), message('A', 'told')];
const ALL = [...BEFORE, ...BETWEEN, ...BEHIND];
/** What the driver has to get, each byte in its place. */
const FOR_DRIVER = Buffer.concat(ALL.filter((each) => each.toString('latin1', 0, 1) !== 'd'));

/** Sent in chunks that end at these places. */
async function taken(cuts: readonly number[]): Promise<{ rows: readonly string[]; driver: Buffer }> {
  const stream = new PassThrough();
  const driver: Buffer[] = [];
  const rows: string[] = [];
  stream.on('data', (chunk: Buffer) => driver.push(Buffer.from(chunk)));
  takeCopyData(stream, new ReusedBuffer(), (row) => rows.push(row.toString()));
  const bytes = Buffer.concat(ALL);
  const ends = [...cuts, bytes.length];
  const ended = new Promise((resolve) => stream.once('end', resolve));
  ends.forEach((end, index) => stream.write(bytes.subarray(ends[index - 1] ?? 0, end)));
  stream.end();
  await ended;
  return { rows, driver: Buffer.concat(driver) };
}

describe('what comes on a connection during a COPY', () => {
  const { length } = Buffer.concat(ALL);

  it.each([1, 2, 3, 4, 5, 7, 11, 64, length])(
    'is rows here and all else at the driver, in chunks of %s bytes',
    async (size) => {
      const cuts = Array.from({ length: Math.ceil(length / size) - 1 }, (_, n) => (n + 1) * size);
      const { rows, driver } = await taken(cuts);
      expect(rows).toEqual(ROWS);
      expect(driver.equals(FOR_DRIVER)).toBe(true);
    },
  );

  it('is so wherever two chunks meet', async () => {
    const wrong: number[] = [];
    for (let cut = 1; cut < length; cut++) {
      const { rows, driver } = await taken([cut]);
      if (!driver.equals(FOR_DRIVER) || rows.join() !== ROWS.join()) wrong.push(cut);
    }
    expect(wrong).toEqual([]);
  });
});
