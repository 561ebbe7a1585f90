import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { metaStamp, metaStart } from '../../../fhir/stored-bytes.ts';
import { withStoredMeta } from '../../../fhir/stored-text.ts';

const stored = { versionId: '2', lastUpdated: '2026-11-21T04:35:26.123Z' };

/** Between other texts, as it lies in a batch. */
function withMetaOfBytes(text: string): string | undefined {
  const [before, own] = [Buffer.from('{"meta":{"tag":[]}}'), Buffer.from(text)];
  const bytes = Buffer.concat([before, own, before]);
  const [start, end] = [before.length, before.length + own.length];
  const at = metaStart(bytes, start, end);
  if (at === -1) return undefined;
  return Buffer.concat([bytes.subarray(start, at), metaStamp(stored), bytes.subarray(at, end)]).toString();
}

describe('the meta of a stored record, on its bytes', () => {
  it.each([
    '{"resourceType":"A","id":"1","meta":{"profile":["p"]},"x":1.50}',
    '{"resourceType":"A","contained":[{"meta":{"tag":[]}}],"note":"\\"meta\\":{\\"","text":"é\\\\","meta":{"tag":[]}}',
  ])('is written as into the text: %s', (text) => {
    expect(withMetaOfBytes(text)).toBe(withStoredMeta(text, stored));
  });

  it.each(['{"id":"1"}', '{"id":"1","meta":{}}', '{"meta" : {"tag":[]}}', '{"contained":[{"meta":{"tag":[]}}]}'])(
    'is left to the text of %s',
    (text) => {
      expect(withMetaOfBytes(text)).toBeUndefined();
    },
  );

  it('is written as into the text of any record, or left to it', () => {
    const key = fc.oneof(fc.constantFrom('meta', 'id', 'tag', 'contained'), fc.string());
    const { object } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.double(),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1), (record, indent) => {
        const text = JSON.stringify(record, undefined, indent);
        const written = withMetaOfBytes(text);
        if (written !== undefined) expect(written).toBe(withStoredMeta(text, stored));
      }),
    );
  });
});
