import { isUnmarked } from '../../fhir/record-marks.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { BatchRecord } from '../../store/record-batch.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { freezeMembers } from './export-members.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { typesOfRecords } from './export-types.ts';
import { isAsked, ReferenceCollector, tellingReferences, wantsShared } from './reference-collector.ts';
import { typeGroups } from './type-groups.ts';
import { recordsOf } from './write-resource-type.ts';

export interface FrozenScope {
  /** Types of which there may be something to write, in the order in which that is begun. */
  readonly types: readonly string[];
  /** The same, those together that one step writes. */
  readonly groups?: readonly (readonly string[])[];
  /** Runs of before had these in one step, and each of the others in a step of its own. */
  readonly small?: readonly string[];
}

/** Fixes the instant of the export and its members. Run again, it keeps the instant that it had given. */
export function freezeScope(deps: ResponderDeps) {
  return async (jobId: string): Promise<FrozenScope> => {
    const { jobs, fhir } = deps;
    const fresh = await jobs.load(jobId);
    const transactionTime = fresh.transactionTime ?? (await fhir.freeze());
    await jobs.change(jobId, { state: 'running', progress: 'scope', transactionTime });
    const job = { ...fresh, transactionTime };
    await freezeMembers(deps, job);
    if (job.types.length > 0 || deps.settings.types !== undefined) await collectFromOthers(deps, job);
    const groups = typeGroups(await typesOfRecords(deps, job));
    return { types: groups.flat(), groups };
  };
}

/** Records of types that are not written may refer to a practitioner who is asked for. */
async function collectFromOthers(deps: ResponderDeps, job: ExportJob): Promise<void> {
  if (!wantsShared(job, deps.settings)) return;
  const references = new ReferenceCollector(deps, job.id, 0);
  const present = [...(await typesOfRecords(deps, job, 'all')).keys()];
  const types = present.filter((type) => !isAsked(type, job, deps.settings));
  for await (const scope of exportScopes(deps, job)) {
    for (const type of types) {
      const query = { changedOnly: false, unmarked: tellingReferences(scope.unmarked(type)) };
      for await (const batch of alive(recordsOf(deps, job, scope, type, query))) {
        await scope.stillInForce();
        for (const record of batch) await collect(record, scope, references);
        await references.store();
      }
    }
  }
}

async function collect(record: BatchRecord, scope: ExportScope, references: ReferenceCollector): Promise<void> {
  if (record.isUnread) {
    const unmarked = scope.unmarked(record.type);
    const isShown = unmarked !== undefined && isUnmarked(record.marks, unmarked) && scope.reaches(record);
    if (isShown) references.addListed(record.sharedReferences);
    return;
  }
  const disclosed = await scope.disclose(record);
  if (disclosed?.kind === 'shown') references.add(disclosed.text);
}
