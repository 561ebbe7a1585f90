import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** AES-256-GCM with a key id before each text, so that keys can be changed: the first one writes, all of them read. */
export interface Seal {
  seal(plain: Uint8Array): Uint8Array<ArrayBuffer>;
  /** @throws Error without any content when no key fits or the bytes were changed */
  open(sealed: Uint8Array): Uint8Array<ArrayBuffer>;
  sealJson(value: unknown): Uint8Array<ArrayBuffer>;
  openJson(sealed: Uint8Array): unknown;
}

export interface EncryptionKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Layout: length of the key id (1 byte), key id, IV, tag, cipher text. */
export function createSeal(keys: readonly EncryptionKey[]): Seal {
  const [writer] = keys;
  if (writer === undefined) throw new Error('At least one encryption key is needed.');
  const byId = new Map(keys.map((key) => [key.id, key]));

  const seal = (plain: Uint8Array): Uint8Array<ArrayBuffer> => {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', writer.key, iv);
    const text = Buffer.concat([cipher.update(plain), cipher.final()]);
    const id = Buffer.from(writer.id, 'utf8');
    return new Uint8Array(Buffer.concat([Buffer.from([id.length]), id, iv, cipher.getAuthTag(), text]));
  };

  const open = (sealed: Uint8Array): Uint8Array<ArrayBuffer> => {
    const bytes = Buffer.from(sealed);
    const idEnd = 1 + (bytes[0] ?? 0);
    const key = byId.get(bytes.subarray(1, idEnd).toString('utf8'));
    if (key === undefined) throw new Error('No encryption key of this id is configured.');
    const iv = bytes.subarray(idEnd, idEnd + IV_BYTES);
    const tag = bytes.subarray(idEnd + IV_BYTES, idEnd + IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    const text = bytes.subarray(idEnd + IV_BYTES + TAG_BYTES);
    return new Uint8Array(Buffer.concat([decipher.update(text), decipher.final()]));
  };

  return {
    seal,
    open,
    sealJson: (value) => seal(Buffer.from(JSON.stringify(value), 'utf8')),
    openJson: (sealed) => JSON.parse(Buffer.from(open(sealed)).toString('utf8')) as unknown,
  };
}
