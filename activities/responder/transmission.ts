import { goesAlong } from '../../fhir/open-types.ts';
import { provenanceOfTexts } from '../../fhir/provenance.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { NAMES_PLACE } from '../../store/export-part.ts';
import type { ExportFileKey } from '../../store/export-part.ts';
import { alive } from './alive.ts';
import type { ExportSettings, ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { SHARED_FROM, TRANSMISSION_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';
import { TargetList } from './target-list.ts';
import { TargetPages } from './target-pages.ts';
import type { TargetPage } from './target-pages.ts';

const PROVENANCE = 'Provenance';
/** Of small types most of the time is that until an answer comes. */
const LISTS_AHEAD = 4;

/** Whether the export says who transmitted it: to a partner, where Provenance is asked for and our Organization is known. */
export function isTransmitted(job: ExportJob, { types, ownOrganizationId }: ExportSettings): boolean {
  const isAsked = (list: readonly string[] | undefined): boolean => list === undefined || list.includes(PROVENANCE);
  return (
    !job.isOperator &&
    ownOrganizationId !== undefined &&
    isAsked(types) &&
    (job.types.length === 0 || isAsked(job.types))
  );
}

/**
 * The Provenance of this exchange (PDex pdex-127): for each member, pages of all that was sent, with us as transmitter.
 * What belongs to no member stands with the first one; it may be on its way still, until `shared` resolves.
 */
export async function writeTransmission(deps: ResponderDeps, job: ExportJob, shared: Promise<void>): Promise<void> {
  const { ownOrganizationId, provenanceProfile: profile } = deps.settings;
  if (ownOrganizationId === undefined || !isTransmitted(job, deps.settings)) return;
  const files = new FileSeries(deps, { jobId: job.id, type: PROVENANCE, from: TRANSMISSION_FROM });
  const lists = await listsInTurn(deps, job, shared);
  let turn = 0;
  for await (const scope of exportScopes(deps, job)) {
    const pages = new Map<string, number>();
    for await (const { member, targets } of alive(pagesOf(lists, scope))) {
      const page = pages.get(member) ?? 0;
      pages.set(member, page + 1);
      const context = {
        ...{ exchangeId: `${job.id}/${member}/${turn}`, profile },
        recorded: job.transactionTime ?? job.createdAt.toISOString(),
        ...{ respondingOrganization: `Organization/${ownOrganizationId}`, localPatient: `Patient/${member}` },
      };
      const named = targets.filter((each) => typeof each !== 'string');
      const texts = targets.map((each) => (typeof each === 'string' ? each : NAMES_PLACE));
      await files.writeNaming(provenanceOfTexts(context)(page, texts), named, scope.consentsOf(member));
    }
    turn++;
  }
  await files.close();
}

/** The targets of these members, of all types: each list is read on from where the members before have ended. */
async function* pagesOf(groups: ListsInTurn, scope: ExportScope): AsyncGenerator<TargetPage> {
  const pages = new TargetPages(scope.members);
  for (const group of groups) {
    const lists = await group();
    for (const [index, list] of lists.entries()) {
      for (const next of lists.slice(index + 1, index + 1 + LISTS_AHEAD)) next.begin();
      for await (const lines of list.upTo(scope.upTo)) {
        for (const line of lines) {
          // Most lines make no page full: an empty list would be waited for all the same.
          for (const page of pages.add(list.type, line)) yield page;
        }
      }
    }
  }
  yield* pages.rest();
}

type ListsInTurn = readonly (() => Promise<readonly TargetList[]>)[];

/** First what was written of members alone; whatever else there is of it is known once `shared` has resolved. */
async function listsInTurn(deps: ResponderDeps, job: ExportJob, shared: Promise<void>): Promise<ListsInTurn> {
  const own = await targetLists(deps, job, (type) => !goesAlong(type));
  let others: Promise<readonly TargetList[]> | undefined;
  return [() => Promise.resolve(own), () => (others ??= shared.then(() => targetLists(deps, job, goesAlong)))];
}

async function targetLists(
  deps: ResponderDeps,
  job: ExportJob,
  isAmong: (type: string) => boolean,
): Promise<readonly TargetList[]> {
  const numbersOf = new Map<string, number[]>();
  for (const { type, number, list } of await deps.jobs.files(job.id)) {
    if (list === 'output' && isAmong(type)) numbersOf.set(type, [...(numbersOf.get(type) ?? []), number]);
  }
  return [...numbersOf].map(([type, numbers]) => new TargetList(type, linesOf(deps, { jobId: job.id, type }, numbers)));
}

async function* linesOf(
  { parts }: ResponderDeps,
  of: Omit<ExportFileKey, 'number'>,
  numbers: readonly number[],
): AsyncGenerator<readonly string[], void> {
  // What belongs to nobody was written last and stands with the first member.
  const isShared = (number: number): boolean => number >= SHARED_FROM;
  for (const some of [numbers.filter(isShared), numbers.filter((number) => !isShared(number))]) {
    if (some.length > 0) yield* parts.targets(of, some);
  }
}
