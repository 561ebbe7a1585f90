import { belongsToMember } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import type { EverythingRequest } from '../../fhir/everything.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { goesAlong } from '../../fhir/open-types.ts';
import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import { careRange } from '../../fhir/service-date.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import type { RestContext } from '../fhir-rest/interaction.ts';
import { showVersions } from '../fhir-rest/show-versions.ts';
import { SharedClosure } from './shared-closure.ts';

export interface EverythingEntry extends StoredResource {
  /** Records of the member, or what they refer to. */
  readonly mode: 'match' | 'include';
}

export interface EverythingPage {
  readonly resources: readonly EverythingEntry[];
  readonly next: string | undefined;
  readonly asOf: string;
}

/**
 * Where a page begins: behind a record of the compartments or, once these are through, behind a shared resource. All pages
 * are read as of one instant, so that each record comes exactly once, whatever is written meanwhile.
 */
interface Cursor {
  readonly asOf: string;
  readonly phase: 'records' | 'shared';
  readonly after: ResourceKey | undefined;
}

/** A page ends here, however few resources it holds: one of it may hold a whole document. */
const MOST_BYTES = 16 * 1024 * 1024;
const SHOWN_AT_ONCE = 100;

export async function everythingPage(
  context: RestContext,
  patientId: string,
  request: EverythingRequest,
): Promise<EverythingPage> {
  const cursor = request.page === undefined ? await firstCursor(context, patientId) : readCursor(request.page);
  const { asOf } = cursor;
  const reader = new Reader(context, await context.store.linkedPatients(patientId), request, asOf);
  const page: EverythingEntry[] = [];
  let bytes = 0;
  const put = (resource: StoredResource, mode: EverythingEntry['mode']): boolean => {
    if (page.length === request.count || bytes > MOST_BYTES) return false;
    page.push({ ...resource, mode });
    bytes += resource.text.length;
    return true;
  };
  const next = (phase: Cursor['phase']): EverythingPage => {
    const last = page.at(-1);
    const after = last === undefined || (last.mode === 'match') !== (phase === 'records') ? undefined : last;
    return { resources: page, next: printCursor({ asOf, phase, after }), asOf };
  };
  if (cursor.phase === 'records') {
    for await (const resource of reader.records(cursor.after)) if (!put(resource, 'match')) return next('records');
  }
  const after = cursor.phase === 'shared' ? cursor.after : undefined;
  for await (const resource of reader.shared(after)) if (!put(resource, 'include')) return next('shared');
  return { resources: page, next: undefined, asOf };
}

class Reader {
  readonly #context: RestContext;
  readonly #patientIds: readonly string[];
  readonly #request: EverythingRequest;
  readonly #asOf: string;
  /** Filled on the way where one request reads all records. */
  #closure: SharedClosure | undefined;

  constructor(context: RestContext, patientIds: readonly string[], request: EverythingRequest, asOf: string) {
    this.#context = context;
    this.#patientIds = patientIds;
    this.#request = request;
    this.#asOf = asOf;
  }

  /** The records of the member that were asked for, behind one of them, as the caller may see them. */
  async *records(after: ResourceKey | undefined): AsyncGenerator<StoredResource> {
    const { types, since } = this.#request;
    const recordTypes = this.#recordTypes(types);
    if (recordTypes.length === 0) return;
    const closure = (types ?? since ?? after) === undefined ? this.#newClosure() : undefined;
    for await (const resource of this.#compartments(recordTypes, since, after)) {
      await closure?.add(resource.text);
      yield resource;
    }
    this.#closure = closure;
  }

  /** What the records refer to, whether they have changed or were asked for themselves or not, ordered; behind one of them. */
  async *shared(after: ResourceKey | undefined): AsyncGenerator<StoredResource> {
    const { types, since } = this.#request;
    const isAsked = (type: string): boolean => goesAlong(type) && this.#isAllowed(type, types);
    if (![...RESOURCE_TYPES].some(isAsked)) return;
    const closure = this.#closure ?? (await this.#collected());
    const from = after === undefined ? '' : keyOf(after);
    for (const resource of await closure.resources()) {
      const isBehind = keyOf(resource) > from && (since === undefined || resource.lastUpdated > since);
      if (isBehind && isAsked(resource.type)) yield resource;
    }
  }

  async #collected(): Promise<SharedClosure> {
    const closure = this.#newClosure();
    for await (const { text } of this.#compartments(this.#recordTypes(undefined), undefined, undefined)) {
      await closure.add(text);
    }
    return closure;
  }

  #newClosure(): SharedClosure {
    return new SharedClosure(this.#context, this.#asOf);
  }

  async *#compartments(
    types: readonly string[],
    since: string | undefined,
    after: ResourceKey | undefined,
  ): AsyncGenerator<StoredResource> {
    const { store } = this.#context;
    const query = { patientIds: this.#patientIds, types, origin: this.#request.origin, asOf: this.#asOf, after };
    let batch: StoredResource[] = [];
    for await (const resource of store.memberCompartment({ ...query, ...(since !== undefined && { since }) })) {
      batch.push(resource);
      if (batch.length < SHOWN_AT_ONCE) continue;
      yield* await this.#shown(batch);
      batch = [];
    }
    yield* await this.#shown(batch);
  }

  async #shown(batch: readonly StoredResource[]): Promise<readonly StoredResource[]> {
    const isCurrent = this.#request.page === undefined;
    return (await showVersions(this.#context, batch, { isCurrent })).filter((resource) => this.#isOfCare(resource));
  }

  /** What tells of no dates of care is of the member as of now, and goes along with any. */
  #isOfCare({ text }: StoredResource): boolean {
    const { care } = this.#request;
    if (care === undefined) return true;
    const range = careRange(JSON.parse(text) as Fields);
    return range === undefined || (range.low < care.high && range.high > care.low);
  }

  #recordTypes(asked: readonly string[] | undefined): readonly string[] {
    return [...RESOURCE_TYPES].filter((type) => belongsToMember(type) && this.#isAllowed(type, asked)).sort();
  }

  #isAllowed(type: string, asked: readonly string[] | undefined): boolean {
    return (asked === undefined || asked.includes(type)) && this.#context.access.allows(type, 'r');
  }
}

async function firstCursor({ store }: RestContext, patientId: string): Promise<Cursor> {
  const { asOf } = await store.search({ type: 'Patient', ids: [patientId], count: 1 });
  return { asOf, phase: 'records', after: undefined };
}

function printCursor({ asOf, phase, after }: Cursor): string {
  return Buffer.from(`${asOf}/${phase}/${after === undefined ? '' : keyOf(after)}`, 'utf8').toString('base64url');
}

function readCursor(text: string): Cursor {
  const [, asOf, phase, type, id] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\/(records|shared)\/(?:([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64}))?$/.exec(
      Buffer.from(text, 'base64url').toString('utf8'),
    ) ?? [];
  if (asOf === undefined) {
    throw new ExchangeError('request-invalid', { diagnostics: 'The link to this page is not one of ours.' });
  }
  const after = type === undefined || id === undefined ? undefined : { type, id };
  return { asOf, phase: phase === 'shared' ? 'shared' : 'records', after };
}
