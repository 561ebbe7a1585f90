import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import { isAsked } from './reference-collector.ts';

/** Types of which the members of an export may have records, and about how many; `all`: also those that were not asked for. */
export async function typesOfRecords(
  deps: ResponderDeps,
  job: ExportJob,
  which: 'asked' | 'all' = 'asked',
): Promise<ReadonlyMap<string, number>> {
  // Any type can lie in a compartment: the content of a document does, too.
  const wanted = [...RESOURCE_TYPES].filter((type) => which === 'all' || isAsked(type, job, deps.settings));
  const counts = new Map<string, number>();
  if (wanted.length === 0) return counts;
  for await (const { patientIds } of alive(exportScopes(deps, job))) {
    const owners = job.level === 'system' ? undefined : patientIds;
    for (const [type, count] of await deps.fhir.presentTypes(wanted, owners)) {
      counts.set(type, (counts.get(type) ?? 0) + count);
    }
  }
  return counts;
}
