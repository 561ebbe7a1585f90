import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import { isAsked } from './reference-collector.ts';

/** Types of which the members of an export may have records, ordered; `all`: also those that were not asked for. */
export async function typesOfRecords(
  deps: ResponderDeps,
  job: ExportJob,
  which: 'asked' | 'all' = 'asked',
): Promise<readonly string[]> {
  // Any type can lie in a compartment: the content of a document does, too.
  const wanted = new Set([...RESOURCE_TYPES].filter((type) => which === 'all' || isAsked(type, job, deps.settings)));
  const found: string[] = [];
  for await (const { patientIds } of alive(exportScopes(deps, job))) {
    if (wanted.size === 0) break;
    const present = await deps.fhir.presentTypes([...wanted], job.level === 'system' ? undefined : patientIds);
    for (const type of present) if (wanted.delete(type)) found.push(type);
  }
  return found.sort();
}
