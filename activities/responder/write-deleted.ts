import type { ExportJob } from '../../store/export-jobs.ts';
import type { FileConsent } from '../../store/export-files.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { RecordBatch } from '../../store/record-batch.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { isInTime, lineOf } from './export-line.ts';
import type { LineOf } from './export-line.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { DELETED_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';
import { typesOfRecords } from './export-types.ts';

const ENTRIES_PER_BUNDLE = 100;

/**
 * What has been deleted since `_since`, as transaction Bundles of DELETE entries (Bulk Data, manifest `deleted`): of what
 * the caller could have had at that instant alone, whose former version tells.
 */
export async function writeDeleted(deps: ResponderDeps, job: ExportJob): Promise<void> {
  if (job.since === undefined) return;
  const files = new FileSeries(deps, { jobId: job.id, type: 'Bundle', list: 'deleted', from: DELETED_FROM });
  const lines = lineOf(job);
  const types = [...(await typesOfRecords(deps, job)).keys()].sort();
  for await (const scope of exportScopes(deps, job)) {
    for (const type of types) {
      for await (const batch of alive(tombstones(deps, job, scope, type))) {
        await scope.stillInForce();
        const gone = await goneOf(deps, { job, scope, lines }, batch);
        for (let at = 0; at < gone.length; at += ENTRIES_PER_BUNDLE) {
          const entries = gone.slice(at, at + ENTRIES_PER_BUNDLE);
          await files.write(bundleOf(entries), undefined, consentsOf(entries, scope));
        }
      }
    }
  }
  await files.close();
}

function tombstones(
  { fhir }: ResponderDeps,
  job: ExportJob,
  { patientIds }: ExportScope,
  type: string,
): AsyncIterable<RecordBatch> {
  return fhir.recordsOfType(type, {
    ...{ patientIds: job.level === 'system' ? 'everybody' : patientIds, includeDeleted: 'only', includeEvidence: true },
    ...(job.since !== undefined && { since: job.since.toISOString() }),
    ...(job.transactionTime !== undefined && { asOf: job.transactionTime }),
  });
}

interface Asked {
  readonly job: ExportJob;
  readonly scope: ExportScope;
  readonly lines: LineOf;
}

/** Those of the deleted that the caller may have had: the versions of the time of `_since` are looked at. */
async function goneOf(
  { fhir }: ResponderDeps,
  { job, scope, lines }: Asked,
  deleted: readonly StoredResource[],
): Promise<readonly StoredResource[]> {
  const keys = deleted.filter((each) => isInTime(job, each)).map(({ type, id }) => ({ type, id }));
  const gone: StoredResource[] = [];
  const instants = job.since === undefined ? {} : { asOf: job.since.toISOString() };
  for await (const former of fhir.readMany(keys, instants)) {
    if (job.origin !== 'all' && former.origin !== job.origin) continue;
    const disclosed = await scope.disclose(former);
    if (disclosed?.kind === 'shown' && lines(former.type, disclosed.text) !== undefined) gone.push(former);
  }
  return gone;
}

function bundleOf(entries: readonly StoredResource[]): string {
  const entry = entries.map((each) => ({ request: { method: 'DELETE', url: keyOf(each) } }));
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
}

function consentsOf(entries: readonly StoredResource[], scope: ExportScope): readonly FileConsent[] {
  return [...new Set(entries.map(scope.memberOf))].flatMap((member) => scope.consentsOf(member));
}
