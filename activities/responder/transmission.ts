import { PROVENANCE_TARGETS, provenanceOfPage } from '../../fhir/provenance.ts';
import { targetsBlob } from '../../store/export-files.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ExportSettings, ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { SHARED_FROM, TRANSMISSION_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';

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
  for (const list of lists) {
    for await (const lines of list.upTo(scope.upTo)) {
      for (const { member, reference } of lines.map(targetOf)) {
        const targets = waiting.get(member);
        // A consent that has ended meanwhile: the file is closed as well.
        if (targets === undefined) continue;
        targets.push(reference);
        if (targets.length < PROVENANCE_TARGETS) continue;
        yield { member, targets };
        waiting.set(member, []);
      }
    }
  }
  for (const [member, targets] of waiting) if (targets.length > 0) yield { member, targets };
}

interface Target {
  readonly member: string;
  readonly reference: string;
}

/** What was written of one type, in the order of members: lines of its lists of targets, many at a time. */
interface TargetList {
  upTo(member: string): AsyncIterable<readonly string[]>;
}

type FileKey = Pick<ExportFile, 'type' | 'number'>;

async function targetLists(deps: ResponderDeps, job: ExportJob): Promise<readonly TargetList[]> {
  const byType = new Map<string, FileKey[]>();
  for (const { type, number, list } of await deps.jobs.files(job.id)) {
    if (list === 'output') byType.set(type, [...(byType.get(type) ?? []), { type, number }]);
  }
  return [...byType.values()].map((files) => targetList(linesOf(deps, job, files)));
}

function targetList(source: AsyncIterator<readonly string[], void>): TargetList {
  let lines: readonly string[] = [];
  return {
    async *upTo(last) {
      for (;;) {
        const behind = lines.findIndex((line) => targetOf(line).member > last);
        const own = behind === -1 ? lines : lines.slice(0, behind);
        lines = lines.slice(own.length);
        yield own;
        if (lines.length > 0) return;
        const next = await source.next();
        if (next.done === true) return;
        lines = next.value;
      }
    },
  };
}

function targetOf(line: string): Target {
  const tab = line.indexOf('\t');
  return { member: line.slice(0, tab), reference: line.slice(tab + 1) };
}

async function* linesOf(
  { blobs }: ResponderDeps,
  job: ExportJob,
  files: readonly FileKey[],
): AsyncGenerator<readonly string[], void> {
  // What belongs to nobody was written last and stands with the first member.
  const isShared = ({ number }: FileKey): boolean => number >= SHARED_FROM;
  for (const { type, number } of [...files.filter(isShared), ...files.filter((file) => !isShared(file))]) {
    let rest = '';
    // Ids and types are of ASCII alone: no character lies on both sides of a cut.
    for await (const bytes of blobs.read(targetsBlob(job.id, type, number))) {
      const lines = `${rest}${Buffer.from(bytes).toString('latin1')}`.split('\n');
      rest = lines.pop() ?? '';
      yield lines;
    }
  }
}
