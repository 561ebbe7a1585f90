import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { ValueError } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { EncryptionKey } from '../seal.ts';

const PayloadMessage = proto.temporal.api.common.v1.Payload;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ENCODING = 'encoding';
const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';

/**
 * Encrypts whole payloads, metadata included, with AES-256-GCM: the first key writes, all of them read.
 * The data is IV, tag and cipher text; the key's id stands in the metadata and is authenticated.
 */
export function createCodec(keys: readonly EncryptionKey[]): PayloadCodec {
  const [writer] = keys;
  if (writer === undefined) throw new ValueError('At least one encryption key is needed.');
  const byId = new Map(keys.map((key) => [key.id, key]));
  return {
    encode: (payloads) => Promise.resolve(payloads.map((payload) => encrypt(payload, writer))),
    // A promise either way: what cannot be read rejects.
    decode: (payloads) => Promise.resolve(payloads).then((all) => all.map((payload) => decrypt(payload, byId))),
  };
}

function encrypt(payload: Payload, key: EncryptionKey): Payload {
  const iv = randomBytes(IV_BYTES);
  const keyId = Buffer.from(key.id, 'utf8');
  const cipher = createCipheriv(CIPHER, key.key, iv).setAAD(keyId);
  const plain = PayloadMessage.encode(payload).finish();
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return {
    metadata: { [ENCODING]: Buffer.from(ENCRYPTED, 'utf8'), [KEY_ID]: keyId },
    data: Buffer.concat([iv, cipher.getAuthTag(), text]),
  };
}

function decrypt(payload: Payload, keys: ReadonlyMap<string, EncryptionKey>): Payload {
  // Search attributes and what an operator's own tools wrote are not encrypted.
  if (metadataText(payload, ENCODING) !== ENCRYPTED) return payload;
  const key = keys.get(metadataText(payload, KEY_ID));
  if (key === undefined) throw new ValueError('No encryption key of this id is configured.');
  const bytes = Buffer.from(payload.data ?? []);
  const decipher = createDecipheriv(CIPHER, key.key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(key.id, 'utf8')).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  return PayloadMessage.decode(plain);
}

function metadataText(payload: Payload, name: string): string {
  return Buffer.from(payload.metadata?.[name] ?? []).toString('utf8');
}
