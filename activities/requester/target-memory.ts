import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { IdSet } from './id-set.ts';

/** A resource under its id at the payer, and what is known of it here. */
export interface Target {
  readonly type: string;
  readonly originalId: string;
  readonly id: string;
  /** `Type/id`. */
  readonly key: string;
  /** Set by `bring`. */
  isHere: boolean;
  /** Number of the batch that it came in last. */
  batch: number;
}

/** So many are young; then they are the old ones, and the old ones that nobody asked for meanwhile are forgotten. */
const YOUNG = 5_000;
/** Lines that lie together point to the same few, and each is asked for several times: they stand in a small table before. */
const RECENT = 1024;

/** Practitioners and Encounters come again and again, most records never: what is asked for stays, of others the id alone. */
export class TargetMemory {
  readonly #context: ExchangeContext;
  readonly #recent = new Array<Target | undefined>(RECENT).fill(undefined);
  /** Ids of what is here. */
  readonly #here = new IdSet();
  #young = new Generation();
  #old = new Generation();

  constructor(context: ExchangeContext) {
    this.#context = context;
  }

  /** The same object for the same resource, until `age` is called. */
  of(type: string, originalId: string): Target {
    const place = placeOf(originalId);
    const before = this.#recent[place];
    if (before?.originalId === originalId && before.type === type) return before;
    const target = this.#young.get(type, originalId) ?? this.#made(type, originalId);
    this.#recent[place] = target;
    return target;
  }

  bring(target: Target): void {
    target.isHere = true;
    this.#here.add(target.id);
  }

  /** To be called between batches. */
  age(): void {
    if (this.#young.size < YOUNG) return;
    this.#old = this.#young;
    this.#young = new Generation();
    this.#recent.fill(undefined);
  }

  #made(type: string, originalId: string): Target {
    const target = this.#old.get(type, originalId) ?? this.#fresh(type, originalId);
    this.#young.add(target);
    return target;
  }

  #fresh(type: string, originalId: string): Target {
    const id = importedId(this.#context, type, originalId);
    return { type, originalId, id, key: `${type}/${id}`, isHere: this.#here.has(id), batch: 0 };
  }
}

class Generation {
  readonly #byType = new Map<string, Map<string, Target>>();
  size = 0;

  get(type: string, originalId: string): Target | undefined {
    return this.#byType.get(type)?.get(originalId);
  }

  add(target: Target): void {
    let ofType = this.#byType.get(target.type);
    if (ofType === undefined) this.#byType.set(target.type, (ofType = new Map<string, Target>()));
    ofType.set(target.originalId, target);
    this.size += 1;
  }
}

/** The ends of ids differ most. */
function placeOf(id: string): number {
  const end = id.length - 1;
  return ((id.charCodeAt(end) * 31 + id.charCodeAt(end - 1)) * 31 + id.charCodeAt(end - 2)) % RECENT || 0;
}
