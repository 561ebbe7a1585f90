import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { newEncryptionKey } from '../../encryption-keys.ts';
import { processEnvironment } from '../environment.ts';
import type { ProcessSettings } from '../environment.ts';
import type { Run } from '../imports.ts';
import { OWN_ORGANIZATION } from '../membership/records.ts';
import { PARTNER, startApiProcess } from '../responder/api-process.ts';
import type { ApiProcess } from '../responder/api-process.ts';
import { exportOnce, writeExport } from '../responder/bulk-client.ts';
import type { ExportTimes, Written } from '../responder/bulk-client.ts';
import { copyOut } from '../responder/copy-out.ts';
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

interface Exported extends ExportTimes {
  /** Of a worker that did nothing else. */
  readonly peakBytes: number;
}

/** Groups of so many members each; the largest one holds all that the database holds. */
async function measureExports(run: Run, groups: readonly number[]): Promise<Omit<Result, 'name'>> {
  return withExportees(run, groups, async (payer) => {
    const done: Exported[] = [];
    for (const members of groups) {
      const { result, peakBytes } = await exportGroup(run, payer, {
        members,
        measure: (path) => exportOnce(payer.api, path),
      });
      done.push({ ...result, peakBytes });
    }
    const copied = await copyOut(payer.settings.databaseUrl);
    return {
      about:
        'A Group of matched members, from the kick-off until the partner has all files, against `COPY (SELECT content FROM resource) TO STDOUT` of the same database, and against one that looks for the newest version of each record; each once as it is and once gzipped (by the server that sends it, in the place of COPY by its reader).',
      inputs: {
        ...{ members: Math.max(...groups), 'resources of each': PER_MEMBER, 'rows that COPY gives': copied.rows },
      },
      figures: [...done.flatMap(sizeFigures), ...ratios(done.at(-1), copied)],
    };
  });
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

function ratios(exported: Exported | undefined, copied: Awaited<ReturnType<typeof copyOut>>): Figure[] {
  if (exported === undefined) return [];
  const { resources, writeSeconds, plainSeconds, gzipSeconds } = exported;
  const copy = copied.rows / copied.plainSeconds;
  const copyGzipped = copied.rows / copied.gzipSeconds;
  const copyNewest = copied.newest.rows / copied.newest.seconds;
  return [
    figure('COPY', copy, 'resources/s'),
    figure('COPY, gzipped', copyGzipped, 'resources/s'),
    figure('COPY, newest versions', copyNewest, 'resources/s'),
    figure('until the manifest : COPY', resources / writeSeconds / copy, 'ratio'),
    figure('export : COPY', resources / (writeSeconds + plainSeconds) / copy, 'ratio'),
    figure('export : COPY, newest versions', resources / (writeSeconds + plainSeconds) / copyNewest, 'ratio'),
    figure('export : COPY, both gzipped', resources / (writeSeconds + gzipSeconds) / copyGzipped, 'ratio'),
  ];
}
