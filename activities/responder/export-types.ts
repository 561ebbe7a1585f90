import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import { isAsked } from './reference-collector.ts';

/** What is written faster than a step of its own is begun. */
const FEW_RECORDS = 2000;

export interface TypesOfRecords {
  /** Ordered. */
  readonly types: readonly string[];
  /** Those of which there are few records. */
  readonly small: readonly string[];
}

/** Of so many members the records are counted, up to so many of a type. */
const SAMPLE = { members: 5, records: 10_000 };

/** By the records of some members: of what is written side by side, what takes longest does not begin last. */
export async function largestFirst(
  { fhir, jobs }: Pick<ResponderDeps, 'fhir' | 'jobs'>,
  job: ExportJob,
  types: readonly string[],
): Promise<readonly string[]> {
  const members = await jobs.members(job.id, '', SAMPLE.members);
  if (types.length < 2 || members.length === 0) return types;
  const patientIds = members.flatMap((member) => member.patientIds);
  const counts = await fhir.presentTypes(types, SAMPLE.records, patientIds);
  const countOf = (type: string): number => counts.get(type) ?? 0;
  return [...types].sort((one, other) => countOf(other) - countOf(one));
}

/** Types of which the members of an export may have records; `all`: also those that were not asked for. */
export async function typesOfRecords(
  deps: ResponderDeps,
  job: ExportJob,
  which: 'asked' | 'all' = 'asked',
): Promise<TypesOfRecords> {
  // Any type can lie in a compartment: the content of a document does, too.
  const wanted = new Set([...RESOURCE_TYPES].filter((type) => which === 'all' || isAsked(type, job, deps.settings)));
  const counts = new Map<string, number>();
  for await (const { patientIds } of alive(exportScopes(deps, job))) {
    if (wanted.size === 0) break;
    const owners = job.level === 'system' ? undefined : patientIds;
    for (const [type, count] of await deps.fhir.presentTypes([...wanted], FEW_RECORDS, owners)) {
      const known = (counts.get(type) ?? 0) + count;
      counts.set(type, known);
      if (known >= FEW_RECORDS) wanted.delete(type);
    }
  }
  const types = [...counts.keys()].sort();
  return { types, small: types.filter((type) => (counts.get(type) ?? 0) < FEW_RECORDS) };
}
