import { describe, expect, it } from '@jest/globals';
import { unwrapBinary } from '../../../peer/unwrap-binary.ts';

const NDJSON = '{"resourceType":"Patient","id":"p"}\n{"resourceType":"Patient","id":"é"}\n';

const wrapped = (data: string, more = ''): string =>
  `{"resourceType":"Binary","id":"b","contentType":"application/fhir+ndjson"${more},\n "data" : "${data}"}\n`;

async function read(text: string, type: string | undefined, size = 7): Promise<string> {
  const bytes = Buffer.from(text, 'utf8');
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts: Uint8Array[] = [];
  for await (const part of unwrapBinary(pieces(), type)) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

describe('a file that comes as one FHIR Binary', () => {
  const base64 = Buffer.from(NDJSON).toString('base64');

  it.each([1, 3, 7, 64, 100_000])('is read as the NDJSON inside it, in pieces of %i bytes', async (size) => {
    expect(await read(wrapped(base64), 'Patient', size)).toBe(NDJSON);
  });

  it('may have its slashes escaped', async () => {
    const slashes = Buffer.from(Array.from({ length: 50 }, () => [0xff, 0xff, 0xff]).flat());
    expect(slashes.toString('base64')).toContain('/');
    const text = wrapped(slashes.toString('base64').replaceAll('/', '\\/'));
    expect(await read(text, 'Patient')).toBe(slashes.toString('utf8'));
  });

  it('is damaged where it breaks off', async () => {
    await expect(read(wrapped(base64).slice(0, -20), 'Patient')).rejects.toMatchObject({ code: 'file-damaged' });
  });
});

describe('a file that is what it says', () => {
  it.each([
    ['records of another type', NDJSON, 'Patient'],
    ['Binaries, line by line', wrapped('AAAA').replaceAll('\n', ''), 'Binary'],
    [
      'a Binary that is a record among others',
      '{"resourceType":"Binary","contentType":"text/plain","data":"AAAA"}\n',
      undefined,
    ],
    [
      'a record that mentions data',
      '{"resourceType":"Observation","id":"o","note":[{"text":"Binary"}],"x":{"data":"AAAA"}}\n',
      'Observation',
    ],
    ['nothing', '', 'Patient'],
    ['blank lines', '\n\n', 'Patient'],
  ])('stays as it is: %s', async (_what, text, type) => {
    expect(await read(text, type)).toBe(text);
  });
});
