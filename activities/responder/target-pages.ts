import { PROVENANCE_TARGETS, targetBytes, targetTexts } from '../../fhir/provenance.ts';
import type { NamedTargets } from './file-writer.ts';
import type { TargetIds, TargetLine, TargetRun } from './target-list.ts';

/** What one Provenance names. */
export interface TargetPage {
  readonly member: string;
  /** As `targetTexts` writes them, of one text or more; or records of a page, whose ids are read when the file is. */
  readonly targets: readonly (string | NamedTargets)[];
}

interface Waiting {
  targets: TargetPage['targets'][number][];
  count: number;
}

/** The targets of some members, made into pages as they come: never an id by itself, of very many. */
export class TargetPages {
  readonly #waiting: ReadonlyMap<string, Waiting>;

  constructor(members: readonly string[]) {
    this.#waiting = new Map(members.map((member) => [member, { targets: [], count: 0 }]));
  }

  /** Answers the pages that are full by now; those of others than these members are passed over. */
  add(type: string, line: TargetLine): readonly TargetPage[] {
    const waiting = this.#waiting.get(line.member);
    // A consent that has ended meanwhile: the file is closed as well.
    if (waiting === undefined) return [];
    return 'ids' in line ? addIds(waiting, type, line) : addRun(waiting, type, line);
  }

  /** The last page of each member. */
  rest(): readonly TargetPage[] {
    return [...this.#waiting].flatMap(([member, waiting]) => (waiting.count > 0 ? [taken(member, waiting)] : []));
  }
}

function addIds(waiting: Waiting, type: string, { member, ids }: TargetIds): readonly TargetPage[] {
  const full: TargetPage[] = [];
  for (let from = 0; from < ids.length;) {
    const { end, count } = someIds(ids, from, PROVENANCE_TARGETS - waiting.count);
    waiting.targets.push(targetTexts(type, ids.slice(from, end)));
    waiting.count += count;
    from = end + 1;
    if (waiting.count === PROVENANCE_TARGETS) full.push(taken(member, waiting));
  }
  return full;
}

/** All of a run are named by one Provenance: these are fewer than it may name. */
function addRun(waiting: Waiting, type: string, { member, page, records, ...sizes }: TargetRun): readonly TargetPage[] {
  const before = waiting.count + sizes.count > PROVENANCE_TARGETS ? [taken(member, waiting)] : [];
  waiting.targets.push({ type, page, records, bytes: targetBytes(type, sizes) });
  waiting.count += sizes.count;
  return waiting.count === PROVENANCE_TARGETS ? [...before, taken(member, waiting)] : before;
}

function taken(member: string, waiting: Waiting): TargetPage {
  const { targets } = waiting;
  [waiting.targets, waiting.count] = [[], 0];
  return { member, targets };
}

/** Where so many ids end, or all of them, and how many these are. */
function someIds(ids: string, from: number, most: number): { readonly end: number; readonly count: number } {
  let count = 1;
  let end = ids.indexOf(' ', from);
  while (end !== -1 && count < most) {
    end = ids.indexOf(' ', end + 1);
    count++;
  }
  return { end: end === -1 ? ids.length : end, count };
}
