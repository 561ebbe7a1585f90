import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly compressedSize: number;
  readonly localHeader: number;
}

const END_OF_DIRECTORY = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * Writes the first entry whose name is wanted to an executable file. Reads ordinary archives below 4 GiB.
 *
 * @throws Error when the file is no such archive or holds no such entry
 */
export async function extractFromZip(
  archive: string,
  isWanted: (name: string) => boolean,
  target: string,
): Promise<void> {
  const handle = await open(archive);
  try {
    const entry = (await readDirectory(handle)).find(({ name }) => isWanted(name));
    if (entry === undefined) throw new Error('the archive holds no such file');
    const header = await readAt(handle, entry.localHeader, 30);
    const start = entry.localHeader + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = createReadStream(archive, { start, end: start + entry.compressedSize - 1 });
    const out = createWriteStream(target, { mode: 0o755 });
    if (entry.method === DEFLATED) await pipeline(packed, createInflateRaw(), out);
    else if (entry.method === STORED) await pipeline(packed, out);
    else throw new Error('the archive is packed in an unknown way');
  } finally {
    await handle.close();
  }
}

async function readDirectory(handle: FileHandle): Promise<ZipEntry[]> {
  const { size } = await handle.stat();
  const tailSize = Math.min(size, 22 + 0xffff);
  const tail = await readAt(handle, size - tailSize, tailSize);
  let at = tail.length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== END_OF_DIRECTORY) at -= 1;
  if (at < 0) throw new Error('the file is no zip archive');
  const count = tail.readUInt16LE(at + 10);
  const directory = await readAt(handle, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  const entries: ZipEntry[] = [];
  let position = 0;
  for (let n = 0; n < count; n += 1) {
    const nameLength = directory.readUInt16LE(position + 28);
    entries.push({
      method: directory.readUInt16LE(position + 10),
      compressedSize: directory.readUInt32LE(position + 20),
      localHeader: directory.readUInt32LE(position + 42),
      name: directory.toString('utf8', position + 46, position + 46 + nameLength),
    });
    position += 46 + nameLength + directory.readUInt16LE(position + 30) + directory.readUInt16LE(position + 32);
  }
  return entries;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new Error('the archive is cut');
  return buffer;
}
