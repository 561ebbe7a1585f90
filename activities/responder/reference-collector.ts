import { listedReference } from '../../fhir/listed-references.ts';
import { goesAlong } from '../../fhir/open-types.ts';
import { MARK } from '../../fhir/record-marks.ts';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { sharedReferences } from '../../fhir/shared-references.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ResourceKey, TypedIdentifier } from '../../store/fhir-store.ts';
import type { ExportSettings, ResponderDeps } from './deps.ts';

/** Words of references that were met already: beyond so many they are forgotten, and written down once more. */
const MOST_SEEN = 50_000;

const STORED_AT_ONCE = 500;
const LOOKED_UP_AT_ONCE = 200;

/** So long a list is that of one record, as a rule: the same one will be met again. A longer one is not kept as a whole. */
const LONGEST_KEPT = 400;

/** Whether resources that belong to no member go along: some of their types are asked for. */
export function wantsShared({ level, types }: ExportJob, settings: ExportSettings): boolean {
  if (level === 'system') return false;
  const asked = types.length > 0 ? types : settings.types;
  return asked === undefined || asked.some((type) => goesAlong(type) && isExported(type, settings));
}

/** Whether a type leaves at all, and was asked for. */
export function isAsked(type: string, job: ExportJob, settings: ExportSettings): boolean {
  return (job.types.length === 0 || job.types.includes(type)) && isExported(type, settings);
}

const isExported = (type: string, { types }: ExportSettings): boolean => types === undefined || types.includes(type);

/** Read is then also what refers to something that goes along and is not listed. */
export function tellingReferences(unmarked: Unmarked | undefined): Unmarked | undefined {
  return unmarked && { ...unmarked, mask: unmarked.mask | MARK.reference };
}

/** The shared resources that records refer to, on their way into the rows of the export. */
export class ReferenceCollector {
  readonly #deps: ResponderDeps;
  readonly #jobId: string;
  readonly #depth: number;
  readonly #seen = new Set<string>();
  readonly #listed = new Set<string>();
  #keys: ResourceKey[] = [];
  #conditionals: TypedIdentifier[] = [];

  /** `depth`: how far from a member's record these references lead. */
  constructor(deps: ResponderDeps, jobId: string, depth: number) {
    this.#deps = deps;
    this.#jobId = jobId;
    this.#depth = depth;
  }

  add(text: string): void {
    if (this.#seen.size > MOST_SEEN) this.#seen.clear();
    const { literals, conditionals } = sharedReferences(text, goesAlong, this.#seen);
    this.#keys.push(...literals);
    this.#conditionals.push(...conditionals);
  }

  /** Of a record that is unread, or of many: the words of `listedReference` with a space between two. */
  addListed(references: string | undefined): void {
    if (references === undefined) return;
    const isKept = references.length <= LONGEST_KEPT;
    if (isKept && this.#listed.has(references)) return;
    for (const word of references.split(' ')) if (!this.#listed.has(word)) this.#addWord(word);
    if (isKept) this.#listed.add(references);
  }

  /** Where so many are waiting that they are worth a statement. */
  async storeMany(): Promise<void> {
    if (this.#keys.length + this.#conditionals.length >= STORED_AT_ONCE) await this.store();
  }

  async store(): Promise<void> {
    for (let at = 0; at < this.#conditionals.length; at += LOOKED_UP_AT_ONCE) {
      const some = this.#conditionals.slice(at, at + LOOKED_UP_AT_ONCE);
      const found = await this.#deps.fhir.findEachByIdentifier(some);
      this.#keys.push(...found.filter((key) => key !== undefined));
    }
    const keys = this.#keys;
    [this.#keys, this.#conditionals] = [[], []];
    await this.#deps.jobs.addReferences(this.#jobId, keys, this.#depth);
  }

  #addWord(slice: string): void {
    // Joined anew: a slice would keep the whole list in memory.
    const word = [slice.slice(0, 1), slice.slice(1)].join('');
    if (this.#listed.size > MOST_SEEN) this.#listed.clear();
    this.#listed.add(word);
    const reference = listedReference(word);
    if ('id' in reference) this.#keys.push(reference);
    else this.#conditionals.push(reference);
  }
}
