import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { PROVENANCE_TARGETS, provenanceOfPage } from '../../fhir/provenance.ts';
import { targetsBlob } from '../../store/export-jobs.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import { alive } from './alive.ts';
import type { ExportSettings, ResponderDeps } from './deps.ts';
import type { ExportScope } from './export-scope.ts';
import { FileWriter } from './file-writer.ts';

const PROVENANCE = 'Provenance';
/** Files of what we say ourselves are numbered from here on, apart from those of the records of the same type. */
const FIRST_NUMBER = 100_000;
/** Targets that wait for their page, of all members; beyond it pages are written that are not full. */
const MOST_WAITING = 50_000;

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
 * What belongs to no member stands with the first one. Run again, it begins anew.
 */
export async function writeTransmission(deps: ResponderDeps, job: ExportJob, scope: ExportScope): Promise<void> {
  const { jobs, settings } = deps;
  await jobs.removeFiles(job.id, PROVENANCE, FIRST_NUMBER);
  const { ownOrganizationId } = settings;
  if (ownOrganizationId === undefined || !isTransmitted(job, settings)) return;
  const pages = new Map<string, number>();
  let writer: FileWriter | undefined;
  let number = FIRST_NUMBER;
  for await (const { member, targets } of pagesOf(deps, job)) {
    const page = pages.get(member) ?? 0;
    pages.set(member, page + 1);
    const provenance = provenanceOfPage(
      {
        ...{ exchangeId: `${job.id}/${member}`, profile: settings.provenanceProfile },
        recorded: job.transactionTime ?? job.createdAt.toISOString(),
        ...{ respondingOrganization: `Organization/${ownOrganizationId}`, localPatient: `Patient/${member}` },
      },
      page,
      targets,
    );
    writer ??= await FileWriter.open(deps, job, scope, { type: PROVENANCE, number: number++ });
    await writer.write(`${JSON.stringify(provenance)}\n`);
    if (!writer.isFull(settings)) continue;
    await writer.close();
    writer = undefined;
  }
  await writer?.close();
}

interface Page {
  readonly member: string;
  readonly targets: readonly string[];
}

async function* pagesOf(deps: ResponderDeps, job: ExportJob): AsyncGenerator<Page> {
  const waiting = new Map<string, string[]>();
  let count = 0;
  for await (const line of alive(targetLines(deps, job))) {
    const [member = '', reference = ''] = line.split('\t');
    const targets = waiting.get(member) ?? [];
    targets.push(reference);
    waiting.set(member, targets);
    count++;
    if (targets.length === PROVENANCE_TARGETS) {
      yield { member, targets };
      waiting.delete(member);
      count -= PROVENANCE_TARGETS;
    } else if (count >= MOST_WAITING) {
      yield* pagesIn(waiting);
      waiting.clear();
      count = 0;
    }
  }
  yield* pagesIn(waiting);
}

function* pagesIn(waiting: ReadonlyMap<string, readonly string[]>): Generator<Page> {
  for (const [member, targets] of waiting) yield { member, targets };
}

async function* targetLines({ jobs, blobs }: ResponderDeps, job: ExportJob): AsyncGenerator<string> {
  for (const { type, number } of await jobs.files(job.id)) {
    const lines = createInterface({ input: Readable.from(blobs.read(targetsBlob(job.id, type, number))) });
    for await (const line of lines) yield line;
  }
}
