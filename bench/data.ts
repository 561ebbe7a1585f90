import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Gzip } from 'node:zlib';
import { createDirectory } from '../cli/sample-members/directory.ts';
import { memberResources, sharedResources } from '../cli/sample-members/generate.ts';
import { sampleMember } from '../cli/sample-members/member.ts';
import type { SampleResource } from '../cli/sample-members/resource.ts';
import { projectRoot } from '../embedded/project-root.ts';

/** One member's export: shared resources first, then the member's own, until there are so many or so much of them. */
export interface SetSize {
  /** Name of its folder; the seed as well, so that no two sets have a Patient in common. */
  readonly name: string;
  readonly resources?: number;
  readonly bytes?: number;
  /** Default 0. */
  readonly member?: number;
  /** The rows that its import leaves are kept for the floor. */
  readonly forFloor?: boolean;
}

export interface PreparedFile {
  readonly name: string;
  readonly type: string;
  readonly count: number;
}

export interface PreparedSet {
  readonly name: string;
  readonly patientId: string;
  readonly resources: number;
  /** Of the NDJSON, before gzip. */
  readonly bytes: number;
  readonly files: readonly PreparedFile[];
}

export type Say = (line: string) => void;

const REFERENCE_DATE = '2026-11-01';
/** Changes with the files that are made of the records. */
const FORM = '1';
const MOST_FILE_BYTES = 200_000_000;
const CHUNK_BYTES = 256 * 1024;

/** The folder of the prepared sets: of this form of the generator alone, for a change of it makes other bytes. */
export function dataFolder(): string {
  const sources = path.join(projectRoot(), 'cli', 'sample-members');
  const hash = createHash('sha256').update(FORM);
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(path.join(sources, name)));
  return path.join(benchFolder(), `data-${hash.digest('hex').slice(0, 12)}`);
}

/** Kept between runs: what takes minutes to make anew. */
export function benchFolder(): string {
  return path.join(tmpdir(), 'carryover-bench');
}

/** The set as it lies there, else made now: a complete one has its `set.json`. */
export async function prepareSet(size: SetSize, say: Say): Promise<PreparedSet> {
  const root = dataFolder();
  removeOtherVersions(root);
  const known = readSet(path.join(root, size.name));
  if (known !== undefined) return known;
  say(`generating ${size.name} …`);
  const draft = path.join(root, `${size.name}.new`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const set = await writeSet(draft, size);
  writeFileSync(path.join(draft, 'set.json'), JSON.stringify(set));
  renameSync(draft, path.join(root, size.name));
  return set;
}

export function readSet(folder: string): PreparedSet | undefined {
  const file = path.join(folder, 'set.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PreparedSet) : undefined;
}

function removeOtherVersions(current: string): void {
  if (!existsSync(benchFolder())) return;
  for (const name of readdirSync(benchFolder())) {
    const folder = path.join(benchFolder(), name);
    if (name.startsWith('data-') && folder !== current) rmSync(folder, { recursive: true, force: true });
  }
}

async function writeSet(folder: string, size: SetSize): Promise<PreparedSet> {
  const member = sampleMember(size.name, size.member ?? 0);
  const writers = new Map<string, TypeWriter>();
  let resources = 0;
  let bytes = 0;
  for (const resource of resourcesOf(size)) {
    let writer = writers.get(resource.type);
    if (writer === undefined) writers.set(resource.type, (writer = new TypeWriter(folder, resource.type)));
    const added = writer.add(resource.text);
    bytes += added;
    resources += 1;
    if (writer.isFull()) await writer.flush();
    if (resources >= (size.resources ?? Infinity) || bytes >= (size.bytes ?? Infinity)) break;
  }
  const files: PreparedFile[] = [];
  for (const writer of writers.values()) files.push(...(await writer.end()));
  return { name: size.name, patientId: member.patientId, resources, bytes, files };
}

/** All that a set holds and more, without end. */
export function* resourcesOf({ name, member = 0 }: SetSize): Generator<SampleResource> {
  const directory = createDirectory(name);
  yield* sharedResources(directory);
  const options = { resourcesPerMember: Infinity, referenceDate: REFERENCE_DATE };
  yield* memberResources(sampleMember(name, member), directory, options);
}

/** Gzipped NDJSON files of one type, a new one whenever the last has its size. */
class TypeWriter {
  private readonly files: { name: string; type: string; count: number }[] = [];
  private readonly ends: Promise<void>[] = [];
  private gzip: Gzip | undefined;
  private fileBytes = 0;
  private lines: string[] = [];
  private waiting = 0;
  private readonly folder: string;
  private readonly type: string;

  constructor(folder: string, type: string) {
    this.folder = folder;
    this.type = type;
  }

  /** Answers the bytes of the line. */
  add(text: string): number {
    const bytes = Buffer.byteLength(text) + 1;
    if (this.fileBytes === 0 || this.fileBytes + bytes > MOST_FILE_BYTES) this.nextFile();
    const file = this.files.at(-1);
    if (file !== undefined) file.count += 1;
    this.lines.push(text);
    this.waiting += bytes;
    this.fileBytes += bytes;
    return bytes;
  }

  isFull(): boolean {
    return this.waiting >= CHUNK_BYTES;
  }

  async flush(): Promise<void> {
    const { gzip } = this;
    if (this.write() === false && gzip !== undefined) await new Promise((resolve) => gzip.once('drain', resolve));
  }

  async end(): Promise<readonly PreparedFile[]> {
    this.write();
    this.gzip?.end();
    await Promise.all(this.ends);
    return this.files;
  }

  private write(): boolean | undefined {
    if (this.lines.length === 0) return undefined;
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    this.waiting = 0;
    return this.gzip?.write(text);
  }

  private nextFile(): void {
    this.write();
    this.gzip?.end();
    const name = `${this.type}.${this.files.length + 1}.ndjson.gz`;
    this.files.push({ name, type: this.type, count: 0 });
    this.fileBytes = 0;
    this.gzip = createGzip();
    const file = this.gzip.pipe(createWriteStream(path.join(this.folder, name)));
    this.ends.push(finished(file));
  }
}
