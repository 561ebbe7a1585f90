import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { newEncryptionKey } from '../../encryption-keys.ts';
import { processEnvironment } from '../environment.ts';
import type { ProcessSettings } from '../environment.ts';
import type { Run } from '../imports.ts';
import { OWN_ORGANIZATION } from '../membership/records.ts';
import { PARTNER, startApiProcess } from '../responder/api-process.ts';
import type { ApiProcess } from '../responder/api-process.ts';
import { percentile } from '../percentile.ts';
import { downloadAll, writeExport } from '../responder/bulk-client.ts';
import type { Written } from '../responder/bulk-client.ts';
import { copyAll, copyGzipped, copyNewest } from '../responder/copy-out.ts';
import type { CopiedOut } from '../responder/copy-out.ts';
import { groupOf, loadExportees, matchAll } from '../responder/exportees.ts';
import { figure, megabytes } from '../result.ts';
import type { Figure, Result } from '../result.ts';
import { startWorkerProcess } from '../worker-process.ts';
import type { Benchmark } from './benchmark.ts';
import { profileReport, watched } from './profile-report.ts';
import type { Watched } from './profile-report.ts';

const PER_MEMBER = 10_000;
const FEW_MEMBERS = 10;
/** A sixth of the records is older than five years, and is not exported. */
const GROUPS = [2, 25];
const LARGE_GROUP = 240;

export const exportRecords: Benchmark = { name: 'export', measure: (run) => measureExports(run, GROUPS) };

export const exportTwoMillion: Benchmark = {
  name: 'export-2m',
  byNameOnly: true,
  measure: (run) => measureExports(run, [LARGE_GROUP]),
};

export const exportProfile: Benchmark = {
  name: 'profile-export',
  byNameOnly: true,
  async measure(run) {
    const profiles = path.join(run.servers.folder, 'export-profiles');
    mkdirSync(profiles);
    return withExportees(run, [FEW_MEMBERS], async (payer) => {
      const measure = (kickOff: string): Promise<Watched<Written>> =>
        watched(payer.settings.databaseUrl, () => writeExport(payer.api, kickOff));
      const { result } = await exportGroup(run, payer, { members: FEW_MEMBERS, profiles, measure });
      const { resources, writeSeconds } = result.result;
      const { figures, notes } = profileReport(profiles, result);
      return {
        about: 'Where the time of an export goes, from its kick-off to its manifest: as in profile.',
        inputs: { members: FEW_MEMBERS, 'resources of each': PER_MEMBER },
        figures: [
          figure('export, profiled', resources / writeSeconds, 'resources/s'),
          figure('until the manifest', writeSeconds, 's'),
          ...figures,
        ],
        notes,
      };
    });
  },
};

interface ExportingPayer {
  readonly name: string;
  readonly settings: ProcessSettings;
  readonly api: ApiProcess;
}

/** Seconds are the median of the rounds; gzipped it is asked for once. */
interface Exported {
  readonly resources: number;
  readonly writeSeconds: number;
  readonly plainSeconds: number;
  readonly gzipSeconds: number;
  /** Of the whole export to the COPY of the same round. */
  readonly ratios: readonly number[];
  readonly copied: CopiedOut;
  /** Of a worker that did nothing else. */
  readonly peakBytes: number;
}

/** By turns with COPY, so that a slow minute of the machine is one of both. */
const ROUNDS = 5;

/** Groups of so many members each; the largest one holds all that the database holds. */
async function measureExports(run: Run, groups: readonly number[]): Promise<Omit<Result, 'name'>> {
  return withExportees(run, groups, async (payer) => {
    const { databaseUrl } = payer.settings;
    const done: Exported[] = [];
    for (const members of groups) {
      const measure = (path: string): Promise<Omit<Exported, 'peakBytes'>> => exportByTurns(payer, path);
      const { result, peakBytes } = await exportGroup(run, payer, { members, measure });
      done.push({ ...result, peakBytes });
    }
    const others = { gzipped: await copyGzipped(databaseUrl), newest: await copyNewest(databaseUrl) };
    return {
      about:
        'A Group of matched members, from the kick-off until the partner has all files, against `COPY (SELECT content FROM resource) TO STDOUT` of the same database: five times by turns, and the median of each; then once gzipped (by the server that sends it, in the place of COPY by its reader), and a COPY that looks for the newest version of each record. The tables are vacuumed, as they are at a payer.',
      inputs: {
        ...{ members: Math.max(...groups), 'resources of each': PER_MEMBER },
        'rows that COPY gives': done.at(-1)?.copied.rows ?? 0,
      },
      figures: [...done.flatMap(sizeFigures), ...ratios(done.at(-1), others)],
    };
  });
}

interface Round {
  readonly copied: CopiedOut;
  readonly written: Written;
  readonly plainSeconds: number;
}

async function exportByTurns({ settings, api }: ExportingPayer, path: string): Promise<Omit<Exported, 'peakBytes'>> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const copied = await copyAll(settings.databaseUrl);
    const written = await writeExport(api, path);
    rounds.push({ copied, written, plainSeconds: await downloadAll(api, written.files, 'identity') });
  }
  const [first] = rounds;
  if (first === undefined) throw new Error('nothing was measured');
  const { files, resources } = first.written;
  const median = (secondsOf: (round: Round) => number): number => percentile(rounds.map(secondsOf), 0.5);
  return {
    resources,
    writeSeconds: median(({ written }) => written.writeSeconds),
    plainSeconds: median(({ plainSeconds }) => plainSeconds),
    gzipSeconds: await downloadAll(api, files, 'gzip'),
    copied: { rows: first.copied.rows, seconds: median(({ copied }) => copied.seconds) },
    ratios: rounds.map(
      ({ copied, written, plainSeconds }) =>
        resources / (written.writeSeconds + plainSeconds) / (copied.rows / copied.seconds),
    ),
  };
}

/** A payer with its api alone, all of whose members the partner has matched. */
async function withExportees<T>(
  run: Run,
  groups: readonly number[],
  work: (payer: ExportingPayer) => Promise<T>,
): Promise<T> {
  const { servers } = run;
  const members = Math.max(...groups);
  const name = `export_${members}`;
  const databaseUrl = await servers.createDatabase(name);
  const loaded = await loadExportees(run, { name, databaseUrl, members, resourcesOfEach: PER_MEMBER, groups });
  const settings = {
    ...{ databaseUrl, encryptionKeys: newEncryptionKey() },
    configuration: {
      ...{ organizations: [OWN_ORGANIZATION], ownOrganization: OWN_ORGANIZATION.id, oidcClients: [PARTNER] },
    },
  };
  const api = await startApiProcess(servers, `${name}_api`, settings);
  await matchAll(api, loaded);
  await servers.vacuum(databaseUrl);
  const result = await work({ name, settings, api });
  await api.stop();
  await servers.dropDatabase(name);
  return result;
}

/** One export by a worker that did nothing before. */
async function exportGroup<T>(
  { servers, progress }: Run,
  { name, settings }: ExportingPayer,
  { members, profiles, measure }: GroupOptions<T>,
): Promise<{ readonly result: T; readonly peakBytes: number }> {
  await servers.checkpoint();
  const workerName = `${name}_worker_${members}`;
  const environment = processEnvironment(servers, workerName, settings);
  const worker = await startWorkerProcess(servers, { name: workerName, environment, profiles });
  const begun = Date.now();
  const look = (): Promise<string> =>
    Promise.resolve(`${name}: ${members} members, ${Math.round((Date.now() - begun) / 1000)} s`);
  const result = await progress.during(look, () => measure(`Group/${groupOf(members)}/$export`));
  return { result, peakBytes: await worker.stop() };
}

interface GroupOptions<T> {
  readonly members: number;
  readonly profiles?: string;
  /** Gets the path of its kick-off. */
  readonly measure: (kickOff: string) => Promise<T>;
}

function sizeFigures({ resources, writeSeconds, plainSeconds, gzipSeconds, peakBytes }: Exported): Figure[] {
  const label = `${resources.toLocaleString('en-US')} resources`;
  return [
    figure(`export, ${label}`, resources / (writeSeconds + plainSeconds), 'resources/s'),
    figure(`until the manifest, ${label}`, writeSeconds, 's'),
    figure(`download, ${label}`, plainSeconds, 's'),
    figure(`download, gzipped, ${label}`, gzipSeconds, 's'),
    figure(`peak memory of the worker, ${label}`, megabytes(peakBytes), 'MB'),
  ];
}

function ratios(
  exported: Exported | undefined,
  { gzipped, newest }: { readonly gzipped: CopiedOut; readonly newest: CopiedOut },
): Figure[] {
  if (exported === undefined) return [];
  const { resources, writeSeconds, plainSeconds, gzipSeconds, copied } = exported;
  const speedOf = ({ rows, seconds }: CopiedOut): number => rows / seconds;
  const speed = resources / (writeSeconds + plainSeconds);
  return [
    figure('COPY', speedOf(copied), 'resources/s'),
    figure('COPY, gzipped', speedOf(gzipped), 'resources/s'),
    figure('COPY, newest versions', speedOf(newest), 'resources/s'),
    figure('until the manifest : COPY', resources / writeSeconds / speedOf(copied), 'ratio'),
    figure('export : COPY', speed / speedOf(copied), 'ratio'),
    figure('export : COPY, lowest of a round', Math.min(...exported.ratios), 'ratio'),
    figure('export : COPY, highest of a round', Math.max(...exported.ratios), 'ratio'),
    figure('export : COPY, newest versions', speed / speedOf(newest), 'ratio'),
    figure('export : COPY, both gzipped', resources / (writeSeconds + gzipSeconds) / speedOf(gzipped), 'ratio'),
  ];
}
