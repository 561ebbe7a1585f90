import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lookThrough, lookThroughPassing } from '../../../activities/requester/look-through.ts';
import type { FileForm, Inspection } from '../../../activities/requester/look-through.ts';

const LIMITS = { maxLineBytes: 40 };
const OUTPUT: FileForm = { list: 'output', type: 'Observation', contentEncoding: undefined };
const WRAPPED = `{"resourceType":"Binary","contentType":"application/fhir+ndjson","data":"${Buffer.from('{"a":1}\n').toString('base64')}"}`;

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

async function* inPieces(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    await Promise.resolve();
    yield piece;
  }
}

async function passed(form: FileForm, pieces: readonly Buffer[]): Promise<Inspection | undefined> {
  const passing = lookThroughPassing(form, LIMITS);
  for (const piece of pieces) await passing.take(piece);
  return passing.end();
}

const piece = fc.constantFrom(
  '\n',
  '\r\n',
  '\r',
  '{"a":1}',
  'é',
  '\ufeff',
  ' ',
  `{"long":"${'x'.repeat(50)}"}`,
  WRAPPED,
);
const text = fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(''));
const cuts = fc.array(fc.nat(2000), { maxLength: 8 });
const form = fc.record({
  list: fc.constantFrom<FileForm['list']>('output', 'error'),
  type: fc.constantFrom('Observation', undefined),
  contentEncoding: fc.constantFrom('gzip', undefined),
});

describe('a file that is looked through while it arrives', () => {
  it('gives what looking through it afterwards gives, however its bytes fall; nothing where it is damaged', async () => {
    await fc.assert(
      fc.asyncProperty(text, form, cuts, fc.nat(3), async (content, as, where, missing) => {
        const whole = as.contentEncoding === 'gzip' ? gzipSync(content) : Buffer.from(content);
        const bytes = whole.subarray(0, Math.max(0, whole.length - missing));
        const afterwards = await lookThrough(inPieces([bytes]), as, LIMITS).catch(() => undefined);
        expect(await passed(as, cutAt(bytes, where))).toEqual(afterwards);
      }),
      { numRuns: 300 },
    );
  });

  it('takes all that comes behind the place where it is damaged', async () => {
    const damaged = Buffer.concat([gzipSync('{"a":1}\n').subarray(0, 12), Buffer.alloc(5_000_000, 7)]);
    const pieces = cutAt(damaged, [10, 1_000_000, 2_500_000, 4_000_000]);
    expect(await passed({ ...OUTPUT, contentEncoding: 'gzip' }, pieces)).toBeUndefined();
  });

  it('is given up where the file breaks off', async () => {
    const passing = lookThroughPassing(OUTPUT, LIMITS);
    await passing.take(Buffer.from('{"a":1}\n'));
    passing.drop();
    expect(await passing.end()).toBeUndefined();
  });
});

describe('looking through a file', () => {
  it('counts the lines that hold anything, and sums the bytes without their encoding', async () => {
    const content = `\ufeff\n{"a":1}\r\n\n\r\n${'x'.repeat(100)}\n{"b":2}`;
    const seen = await lookThrough(inPieces([gzipSync(content)]), { ...OUTPUT, contentEncoding: 'gzip' }, LIMITS);
    expect(seen).toMatchObject({ lines: 3, bytes: Buffer.byteLength(content), isWrapped: false, outcomes: [] });
    expect(seen.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    expect(seen.sha1).toBe(createHash('sha1').update(content).digest('base64'));
  });

  it('reads what a Binary wraps', async () => {
    const seen = await lookThrough(inPieces(cutAt(Buffer.from(WRAPPED), [5, 90])), OUTPUT, LIMITS);
    expect(seen).toMatchObject({ lines: 1, bytes: 8, isWrapped: true });
  });

  it('refuses a file that ends inside a line', async () => {
    await expect(lookThrough(inPieces([Buffer.from('{"a":1}\n{"b"')]), OUTPUT, LIMITS)).rejects.toMatchObject({
      code: 'file-damaged',
    });
  });

  it('keeps the lines of an error file as far as they fit', async () => {
    const content = `{"a":1}\n${'x'.repeat(100)}\n{"b":2}\n`;
    const seen = await lookThrough(inPieces([Buffer.from(content)]), { ...OUTPUT, list: 'error' }, LIMITS);
    expect(seen.outcomes).toEqual(['{"a":1}', '{"b":2}']);
  });
});
