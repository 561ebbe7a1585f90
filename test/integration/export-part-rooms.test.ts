import { beforeAll, describe, expect, it } from '@jest/globals';
import { createExportPartStore } from '../../store/export-parts.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/fhir-stores.ts';

const at = useStore(createPostgresFhirStore);
let parts: ExportPartStore;
let files = 0;

/** One part for each text. */
async function fileOf(texts: readonly string[]): Promise<AsyncIterator<Buffer>> {
  const key = { jobId: 'job', type: 'Goal', number: files++ };
  let offset = 0;
  const all = texts.map((text) => {
    const part = { offset, bytes: text.length, runs: [], names: [], kept: Buffer.from(text), targets: '' };
    offset += text.length;
    return part;
  });
  await parts.append(key, all);
  return parts.read(key, 0, offset)[Symbol.asyncIterator]();
}

async function next(reading: AsyncIterator<Buffer>): Promise<Buffer> {
  const { done, value } = await reading.next();
  if (done === true) throw new Error('there is nothing more');
  return value;
}

beforeAll(() => {
  parts = createExportPartStore(at.pool);
});

describe('the memory that files are read into', () => {
  it('has nothing of a file any more when that was read to its end, and is used again', async () => {
    const reading = await fileOf(['first', 'and second']);
    const [first, second] = [await next(reading), await next(reading)];
    expect(second.toString()).toBe('and second');
    expect(await reading.next()).toMatchObject({ done: true });
    expect(Buffer.concat([first, second]).every((byte) => byte === 0)).toBe(true);
    const another = await next(await fileOf(['of another file']));
    expect([first.buffer, second.buffer]).toContain(another.buffer);
  });

  it("is nobody else's where a reader leaves before the end: its bytes may be under way", async () => {
    const reading = await fileOf(['half read', 'never asked for', 'the rest']);
    const left = await next(reading);
    await reading.return?.();
    await eventually(() => (at.pool.idleCount === at.pool.totalCount ? true : undefined), 'a part read ahead');
    for (let n = 0; n < 3; n++) {
      const other = await fileOf(['another', 'one']);
      expect((await next(other)).buffer).not.toBe(left.buffer);
      expect((await next(other)).buffer).not.toBe(left.buffer);
      await other.next();
    }
    expect(left.toString()).toBe('half read');
  });
});
