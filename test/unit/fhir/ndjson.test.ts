import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeUtf8, splitLines } from '../../../fhir/ndjson.ts';
import type { Line } from '../../../fhir/ndjson.ts';

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(cut, bytes.length);
    await Promise.resolve();
    yield bytes.subarray(from, to);
    from = to;
  }
  yield bytes.subarray(from);
}

async function linesOf(text: string | Uint8Array, cuts: readonly number[] = [], maxLineBytes = 1000): Promise<Line[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  const lines: Line[] = [];
  for await (const line of splitLines(chunksOf(bytes, cuts), { maxLineBytes })) lines.push(line);
  return lines;
}

const texts = (lines: readonly Line[]): (string | undefined)[] => lines.map((line) => decodeUtf8(line.bytes));

describe('splitLines', () => {
  it('hands out the lines with their offsets', async () => {
    const lines = await linesOf('ab\ncd\n');
    expect(lines.map(({ number, start, end }) => [number, start, end])).toEqual([
      [1, 0, 3],
      [2, 3, 6],
    ]);
    expect(texts(lines)).toEqual(['ab', 'cd']);
  });

  it('marks a last line without a newline as not terminated', async () => {
    const lines = await linesOf('ab\ncd');
    expect(lines.map((line) => line.terminated)).toEqual([true, false]);
    expect(lines[1]?.end).toBe(5);
  });

  it('takes carriage returns and a byte order mark off', async () => {
    expect(texts(await linesOf('\ufeffab\r\ncd\r\n'))).toEqual(['ab', 'cd']);
  });

  it('leaves a byte order mark inside the stream alone', async () => {
    expect(texts(await linesOf('ab\n\ufeffcd\n'))).toEqual(['ab', '\ufeffcd']);
  });

  it('counts blank lines', async () => {
    expect((await linesOf('a\n\n\r\nb\n')).map(({ number, bytes }) => [number, bytes.length])).toEqual([
      [1, 1],
      [2, 0],
      [3, 0],
      [4, 1],
    ]);
  });

  it('passes over a line that is too long and goes on behind it', async () => {
    const lines = await linesOf(`a\n${'x'.repeat(50)}\nb\n`, [10, 20, 30], 20);
    expect(lines.map(({ tooLong }) => tooLong)).toEqual([false, true, false]);
    expect(texts(lines)).toEqual(['a', '', 'b']);
    expect(lines[2]?.start).toBe(53);
  });

  it('gives the same lines however the chunks fall', async () => {
    const piece = fc.constantFrom('\n', '\r\n', '{"a":1}', 'é', '😀', '\ufeff', ' ');
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(120), { maxLength: 8 }),
        async (parts, cuts) => {
          const text = parts.join('');
          const plain = (lines: readonly Line[]): unknown[] =>
            lines.map((line) => ({ ...line, bytes: Buffer.from(line.bytes).toString('hex') }));
          expect(plain(await linesOf(text, cuts))).toEqual(plain(await linesOf(text)));
        },
      ),
    );
  });

  it('covers the stream without a gap', async () => {
    const lines = await linesOf('a\r\n\nbc\nd');
    expect(lines.map(({ start }) => start)).toEqual([0, ...lines.slice(0, -1).map(({ end }) => end)]);
    expect(lines.at(-1)?.end).toBe(8);
  });
});

describe('decodeUtf8', () => {
  it('answers undefined for bytes that are not UTF-8', () => {
    expect(decodeUtf8(Uint8Array.of(0xc3, 0x28))).toBeUndefined();
  });
});
