import { randomBytes } from 'node:crypto';
import type { EncryptionKey } from './seal.ts';

/** An AES-256 key. */
const KEY_BYTES = 32;

/** Reads `id:base64,id:base64`; an empty list where a part is malformed or an id occurs twice. */
export function parseEncryptionKeys(text: string): EncryptionKey[] {
  const keys = text.split(',').map((part) => parseKey(part.trim()));
  const complete = keys.filter((key) => key !== undefined);
  const ids = new Set(complete.map(({ id }) => id));
  return complete.length === keys.length && ids.size === keys.length ? complete : [];
}

/** One new key, in the form that `parseEncryptionKeys` reads. */
export function newEncryptionKey(): string {
  return `k${randomBytes(4).toString('hex')}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

function parseKey(part: string): EncryptionKey | undefined {
  const [, id, base64] = /^([\w.-]{1,64}):([A-Za-z0-9+/]+={0,2})$/.exec(part) ?? [];
  if (id === undefined || base64 === undefined) return undefined;
  const key = new Uint8Array(Buffer.from(base64, 'base64'));
  return key.length === KEY_BYTES ? { id, key } : undefined;
}
