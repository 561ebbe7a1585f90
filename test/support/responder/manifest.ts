import { operationOutcome, refuse } from './answers.ts';
import type { ManifestBehaviour } from './export-options.ts';
import { contentOf } from './file-content.ts';
import { fileLink, nextExpiry } from './file-links.ts';
import { emptyFile, STATUS_PATH } from './kick-off.ts';
import type { ExportFile, Job, State } from './state.ts';

const EXTENSION_URL = 'http://responder.example/extension/queue';

/** One page (from 1) of the manifest of a finished job, in the form of its version. @throws Refusal 404 for no page */
export function manifestPage(state: State, job: Job, page: number): Record<string, unknown> {
  const options = state.behaviour.manifest;
  if (job.manifestsShown === 0) addReportFiles(state, job);
  if (job.linksExpireAt <= Date.now()) job.linksExpireAt = nextExpiry(state, job);
  job.manifestsShown += 1;
  const output = [...entriesOf(state, job, 'output'), ...options.extraOutput];
  const size = options.pages ?? Math.max(1, output.length);
  const pages = Math.max(1, Math.ceil(output.length / size));
  if (!(page >= 1 && page <= pages)) throw refuse(404, 'not-found', 'no such page');
  const path = `${STATUS_PATH}?job=${job.id}&page=${page + 1}`;
  const link = [{ relation: 'next', url: options.relativeUrls ? path : `${state.origin}${path}` }];
  const manifest: Record<string, unknown> = {
    ...headOf(options, job),
    output: output.slice((page - 1) * size, page * size),
    ...reportsOf(state, job, page === pages),
    ...(page < pages ? { link } : {}),
    ...options.extraMembers,
  };
  for (const name of options.omitMembers) delete manifest[name];
  return manifest;
}

/** Error and deleted files; they stay as the first manifest showed them. */
function addReportFiles(state: State, job: Job): void {
  const { errors, deletedLines, version } = state.behaviour.manifest;
  const outcomes = [...job.notes, ...errors].map((issue) => JSON.stringify(operationOutcome([issue])));
  if (outcomes.length > 0) job.files.push(emptyFile(job.files.length + 1, 'error', 'OperationOutcome', outcomes));
  if (deletedLines.length > 0 && version !== '1.0')
    job.files.push(emptyFile(job.files.length + 1, 'deleted', 'Bundle', [...deletedLines]));
}

function headOf({ version, transactionTime }: ManifestBehaviour, job: Job): Record<string, unknown> {
  const instant = writtenAs(transactionTime, job.transactionTime);
  if (version === '4.0') {
    return {
      manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
      transactionTime: instant,
      requiresAccessToken: job.requiresAccessToken,
      outputFormat: 'application/fhir+ndjson',
      extension: [{ url: EXTENSION_URL, valueString: 'normal' }],
    };
  }
  return {
    transactionTime: instant,
    request: job.request,
    requiresAccessToken: job.requiresAccessToken,
    ...(version === '2.0' ? {} : { extension: { [EXTENSION_URL]: 'normal' } }),
  };
}

/** The same on every page up to 3.0; in 4.0 `outcome` and `deleted` may differ, and come with the last page. */
function reportsOf(state: State, job: Job, last: boolean): Record<string, unknown> {
  const deleted = entriesOf(state, job, 'deleted');
  const error = entriesOf(state, job, 'error');
  if (state.behaviour.manifest.version !== '4.0') return { ...(deleted.length > 0 ? { deleted } : {}), error };
  if (!last) return {};
  return { ...(deleted.length > 0 ? { deleted } : {}), ...(error.length > 0 ? { outcome: error } : {}) };
}

function writtenAs(style: ManifestBehaviour['transactionTime'], utc: string): string {
  switch (style) {
    case 'utc':
      return utc;
    case 'offset':
      return new Date(Date.parse(utc) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
    case 'fraction7':
      return utc.replace('Z', '4567Z');
  }
}

function entriesOf(state: State, job: Job, kind: ExportFile['kind']): unknown[] {
  return job.files.filter((file) => file.kind === kind).map((file) => manifestEntry(state, job, file));
}

function manifestEntry(state: State, job: Job, file: ExportFile): unknown {
  const { relativeUrls, version, count } = state.behaviour.manifest;
  const origin = state.behaviour.files.origin === 'same' ? state.origin : state.otherOrigin;
  return {
    ...(version === '4.0' && file.kind !== 'output' ? {} : { type: file.type }),
    url: `${relativeUrls ? '' : origin}${fileLink(state, job, file, 'manifest')}`,
    ...(count === 'none' ? {} : { count: file.lines.length + (count === 'wrong' ? 7 : 0) }),
    ...(version === '4.0' ? { fileSize: contentOf(state, file).length } : {}),
  };
}
