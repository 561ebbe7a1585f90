import { ExchangeError } from '../../fhir/errors.ts';
import { groupMembers } from '../../fhir/group-members.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ExportMember } from '../../store/export-scope.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';

/** Members whose links and consents are looked up in one go. */
export const MEMBERS_AT_ONCE = 200;
const PATIENTS_PER_PAGE = 200;

/** An export by name is of these members or of none; of a group, or of all matched, those go out who consent. */
export const isByName = ({ level }: ExportJob): boolean => level === 'members';

/**
 * Writes down whom the export is of, with all compartments of each. Run again, it adds what is missing.
 * @throws ExchangeError `consent-withdrawn` where the partner may not export one that it named, or none of the others
 */
export async function freezeMembers(deps: ResponderDeps, job: ExportJob): Promise<void> {
  if (job.level === 'system') return;
  let asked = 0;
  let kept = 0;
  for await (const ids of alive(pagesOf(candidatesOf(deps, job)))) {
    const members = await membersOf(deps, job, ids);
    await deps.jobs.addMembers(job.id, members);
    asked += ids.length;
    kept += members.length;
  }
  const isRefused = isByName(job) ? kept < asked : asked > 0 && kept === 0;
  if (isRefused) throw new ExchangeError('consent-withdrawn');
}

async function* candidatesOf(deps: ResponderDeps, job: ExportJob): AsyncGenerator<string> {
  switch (job.level) {
    case 'members':
      yield* job.patientIds;
      return;
    case 'matched':
      for (const { patientId } of await deps.matches.inForce(job.clientId, new Date())) yield patientId;
      return;
    case 'group':
      yield* job.patientIds.length > 0 ? job.patientIds : await idsOfGroup(deps, job);
      return;
    case 'patients':
      yield* nativePatients(deps);
      return;
    case 'system':
  }
}

async function idsOfGroup({ fhir }: ResponderDeps, job: ExportJob): Promise<readonly string[]> {
  const key = { type: 'Group', id: job.groupId ?? '' };
  const instants = job.transactionTime === undefined ? {} : { asOf: job.transactionTime };
  for await (const { text } of fhir.readMany([key], instants)) {
    const group: unknown = JSON.parse(text);
    return isRecord(group) ? groupMembers(group, job.createdAt) : [];
  }
  return [];
}

/** Those of now: one that is younger than the instant of the export has nothing to export as of it. */
async function* nativePatients({ fhir }: ResponderDeps): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await fhir.search({
      ...{ type: 'Patient', count: PATIENTS_PER_PAGE },
      ...(after !== undefined && { after }),
    });
    for (const { id, origin } of page.resources) if (origin === 'native') yield id;
    after = page.next;
  } while (after !== undefined);
}

/** A member may be named by any of its compartments; the partner has matched it by one of them. */
async function membersOf(
  { fhir, matches }: ResponderDeps,
  job: ExportJob,
  ids: readonly string[],
): Promise<readonly ExportMember[]> {
  const linked = await fhir.linkedPatientsOf(ids);
  if (job.isOperator) return [...linked].map(([memberId, patientIds]) => ({ memberId, patientIds }));
  const inForce = await matches.inForce(job.clientId, new Date(), [...new Set([...linked.values()].flat())]);
  const matched = new Set(inForce.map(({ patientId }) => patientId));
  return [...linked.values()].flatMap((patientIds) => {
    const memberId = patientIds.find((id) => matched.has(id));
    return memberId === undefined ? [] : [{ memberId, patientIds }];
  });
}

async function* pagesOf(ids: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let page: string[] = [];
  for await (const id of ids) {
    page.push(id);
    if (page.length < MEMBERS_AT_ONCE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
