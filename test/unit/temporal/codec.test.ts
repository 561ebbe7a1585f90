import { describe, expect, it } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { createCodec } from '../../../temporal/codec.ts';

const key = (id: string, byte: number): { id: string; key: Uint8Array } => ({ id, key: new Uint8Array(32).fill(byte) });
const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('latin1');

function payloadOf(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

async function encoded(value: unknown, ...keys: ReturnType<typeof key>[]): Promise<Payload> {
  const [payload] = await createCodec(keys).encode([payloadOf(value)]);
  if (payload === undefined) throw new Error('The codec lost a payload.');
  return payload;
}

describe('the payload codec', () => {
  it('gives back what it was given', async () => {
    const codec = createCodec([key('k1', 1)]);
    const values = [{ id: 'p2p-task-1', unicode: 'Zoë' }, null, 'text'];
    const decoded = await codec.decode(await codec.encode(values.map(payloadOf)));
    expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual(values);
  });

  it('leaves nothing of the content or its encoding readable', async () => {
    const payload = await encoded('sentinel', key('k1', 1));
    expect(text(payload.data)).not.toContain('sentinel');
    expect(Object.keys(payload.metadata ?? {}).sort()).toEqual(['encoding', 'encryption-key-id']);
    expect(text(payload.metadata?.['encoding'])).toBe('binary/encrypted');
  });

  it('never writes the same bytes twice', async () => {
    const [first, second] = [await encoded('same', key('k1', 1)), await encoded('same', key('k1', 1))];
    expect(text(first.data)).not.toBe(text(second.data));
  });

  it('writes with the first key and names it', async () => {
    const payload = await encoded('x', key('new', 2), key('old', 1));
    expect(text(payload.metadata?.['encryption-key-id'])).toBe('new');
  });

  it('reads what an older key wrote', async () => {
    const payload = await encoded('kept', key('old', 1));
    const [decoded] = await createCodec([key('new', 2), key('old', 1)]).decode([payload]);
    expect(decoded && defaultPayloadConverter.fromPayload(decoded)).toBe('kept');
  });

  it('rejects a payload of a key it does not have', async () => {
    const payload = await encoded('x', key('gone', 1));
    await expect(createCodec([key('k1', 1)]).decode([payload])).rejects.toThrow('No encryption key');
  });

  it('rejects changed bytes', async () => {
    const payload = await encoded('x', key('k1', 1));
    const data = Buffer.from(payload.data ?? []);
    data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
    await expect(createCodec([key('k1', 1)]).decode([{ ...payload, data }])).rejects.toThrow();
  });

  it('rejects a payload whose key id was changed to another of its keys', async () => {
    const payload = await encoded('x', key('k1', 1));
    const metadata = { ...payload.metadata, 'encryption-key-id': Buffer.from('k2') };
    await expect(createCodec([key('k1', 1), key('k2', 1)]).decode([{ ...payload, metadata }])).rejects.toThrow();
  });

  it('passes on what was never encrypted', async () => {
    const plain = payloadOf('plain');
    await expect(createCodec([key('k1', 1)]).decode([plain])).resolves.toEqual([plain]);
  });

  it('needs a key', () => {
    expect(() => createCodec([])).toThrow('At least one encryption key');
  });
});
