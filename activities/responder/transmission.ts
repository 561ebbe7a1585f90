import { PROVENANCE_TARGETS, provenanceOfPage } from '../../fhir/provenance.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ExportSettings, ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { SHARED_FROM, TRANSMISSION_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';
import { readTargetLine } from './target-list.ts';
import type { TargetLine } from './target-list.ts';

const PROVENANCE = 'Provenance';

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
 * What belongs to no member stands with the first one.
 */
export async function writeTransmission(deps: ResponderDeps, job: ExportJob): Promise<void> {
  const { ownOrganizationId, provenanceProfile: profile } = deps.settings;
  if (ownOrganizationId === undefined || !isTransmitted(job, deps.settings)) return;
  const files = new FileSeries(deps, { jobId: job.id, type: PROVENANCE, from: TRANSMISSION_FROM });
  const lists = await targetLists(deps, job);
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
      const provenance = JSON.stringify(provenanceOfPage(context, page, targets));
      await files.write(provenance, undefined, scope.consentsOf(member));
    }
    turn++;
  }
  await files.close();
}

interface Page {
  readonly member: string;
  readonly targets: readonly string[];
}

/** The targets of these members, of all types: each list is read on from where the members before have ended. */
async function* pagesOf(lists: readonly TargetList[], scope: ExportScope): AsyncGenerator<Page> {
  const waiting = new Map<string, string[]>(scope.members.map((member) => [member, []]));
  for (const { type, upTo } of lists) {
    for await (const { member, ids } of upTo(scope.upTo)) {
      for (const id of ids) {
        const targets = waiting.get(member);
        // A consent that has ended meanwhile: the file is closed as well.
        if (targets === undefined) break;
        targets.push(`${type}/${id}`);
        if (targets.length < PROVENANCE_TARGETS) continue;
        yield { member, targets };
        waiting.set(member, []);
      }
    }
  }
  for (const [member, targets] of waiting) if (targets.length > 0) yield { member, targets };
}

/** What was written of one type, in the order of members. */
interface TargetList {
  readonly type: string;
  upTo(member: string): AsyncIterable<TargetLine>;
}

type FileKey = Pick<ExportFile, 'type' | 'number'>;

async function targetLists(deps: ResponderDeps, job: ExportJob): Promise<readonly TargetList[]> {
  const byType = new Map<string, FileKey[]>();
  for (const { type, number, list } of await deps.jobs.files(job.id)) {
    if (list === 'output') byType.set(type, [...(byType.get(type) ?? []), { type, number }]);
  }
  return [...byType].map(([type, files]) => targetList(type, linesOf(deps, job, files)));
}

function targetList(type: string, source: AsyncIterator<TargetLine, void>): TargetList {
  let ahead: TargetLine | undefined;
  return {
    type,
    async *upTo(last) {
      for (;;) {
        const next = ahead === undefined ? await source.next() : { value: ahead };
        ahead = next.value ?? undefined;
        if (ahead === undefined || ahead.member > last) return;
        yield ahead;
        ahead = undefined;
      }
    },
  };
}

async function* linesOf(
  { parts }: ResponderDeps,
  { id: jobId }: ExportJob,
  files: readonly FileKey[],
): AsyncGenerator<TargetLine, void> {
  // What belongs to nobody was written last and stands with the first member.
  const isShared = ({ number }: FileKey): boolean => number >= SHARED_FROM;
  for (const { type, number } of [...files.filter(isShared), ...files.filter((file) => !isShared(file))]) {
    for await (const lines of parts.targets({ jobId, type, number }))
      for (const line of lines) yield readTargetLine(line);
  }
}
