import { ExchangeError } from '../../fhir/errors.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import type { SearchPage, SearchQuery, StoredResource } from '../../store/fhir-store.ts';
import { bundleText, outcomeEntry, searchEntry } from './bundle-text.ts';
import type { BundleLink } from './bundle-text.ts';
import type { Answer, RestContext } from './interaction.ts';
import { showVersion } from './read.ts';
import { PAGE_PARAMETER, readSearch } from './search-parameters.ts';
import type { SearchRequest } from './search-parameters.ts';

const MOST_WITHOUT_MEMBER = 1000;

/**
 * One page of a search. What was not applied is told in the answer, or refused where the caller asked to be strict.
 *
 * @throws ExchangeError `not-supported`, `too-costly`, `request-invalid`
 */
export async function search(context: RestContext, type: string, parameters: URLSearchParams): Promise<Answer> {
  const { access, baseUrl, prefer } = context;
  access.assertScope(type, 's');
  const request = readSearch(type, parameters, context);
  if (prefer.strict && request.ignored.length > 0) {
    throw new ExchangeError('not-supported', { diagnostics: notApplied(request.ignored) });
  }
  if (request.withProvenance) access.assertScope('Provenance', 's');
  const { query } = request;
  const page = await visiblePage(context, request);
  const visible = page.resources;
  const entries = visible.map((resource) => searchEntry(baseUrl, resource, 'match'));
  if (request.withProvenance) {
    for await (const provenance of provenancesOf(context, visible))
      entries.push(searchEntry(baseUrl, provenance, 'include'));
  }
  if (request.ignored.length > 0) entries.push(outcomeEntry(warning(request.ignored)));
  const isWhole = query.after === undefined && page.next === undefined;
  const links = linksOf(`${baseUrl}/${type}`, request, page.next);
  return {
    status: 200,
    text: bundleText({ type: 'searchset', ...(isWhole && { total: visible.length }), links, entries }),
  };
}

/**
 * As many as were asked for of what the caller may see. A page that is short because of what is withheld, or a next one with
 * nothing on it, would tell a partner that there is something.
 */
async function visiblePage(context: RestContext, request: SearchRequest): Promise<SearchPage> {
  const { count } = request.query;
  const visible: StoredResource[] = [];
  let { after } = request.query;
  for (;;) {
    const page = await shownPage(context, request, count - visible.length, after);
    visible.push(...page.resources);
    after = page.next;
    if (after === undefined) return { resources: visible, next: undefined };
    if (visible.length < count) continue;
    const isMore = context.access.isOperator || (await isAnyVisible(context, request, after));
    return { resources: visible, next: isMore ? after : undefined };
  }
}

async function shownPage(
  context: RestContext,
  request: SearchRequest,
  count: number,
  after: string | undefined,
): Promise<SearchPage> {
  const page = await pageFor(context, { ...request.query, count, after });
  const visible: StoredResource[] = [];
  for (const resource of page.resources) {
    if (visible.length === count) break;
    const shown = await showVersion(context, resource);
    if (shown !== undefined) visible.push(shown);
  }
  return { resources: visible, next: page.next };
}

async function isAnyVisible(context: RestContext, request: SearchRequest, behind: string): Promise<boolean> {
  let after: string | undefined = behind;
  while (after !== undefined) {
    const page: SearchPage = await shownPage(context, request, request.query.count, after);
    if (page.resources.length > 0) return true;
    after = page.next;
  }
  return false;
}

/**
 * A partner searches inside the members that it has matched: whether somebody else is a member must show neither in what is
 * found nor in whether there is a next page. Without a member to stay in, it gets one page of what it may see.
 */
async function pageFor({ store, access }: RestContext, query: SearchQuery): Promise<SearchPage> {
  if (access.isOperator) return store.search({ ...query, includeEvidence: true });
  if (OPEN_TYPES.has(query.type)) return store.search(query);
  if (query.patientIds === undefined) {
    const { resources } = await store.search({ ...query, count: MOST_WITHOUT_MEMBER, after: undefined });
    return { resources, next: undefined };
  }
  const reachable: string[] = [];
  for (const id of query.patientIds) {
    const patient = await store.read('Patient', id);
    if (patient !== undefined && (await access.show(patient)) !== undefined) reachable.push(id);
  }
  return reachable.length === 0
    ? { resources: [], next: undefined }
    : store.search({ ...query, patientIds: reachable });
}

/** The Provenances about these records, from the compartments that the records lie in. */
async function* provenancesOf(
  { store, access }: RestContext,
  found: readonly StoredResource[],
): AsyncGenerator<StoredResource> {
  const patientIds = [...new Set(found.flatMap(({ patientId }) => patientId ?? []))];
  if (patientIds.length === 0) return;
  const wanted = new Set(found.map(({ type, id }) => `${type}/${id}`));
  for await (const provenance of store.memberCompartment({ patientIds, types: ['Provenance'] })) {
    if (!targetsOf(provenance).some((target) => wanted.has(target))) continue;
    const shown = await access.show(provenance);
    if (shown !== undefined) yield shown;
  }
}

function targetsOf(provenance: StoredResource): string[] {
  const { target } = JSON.parse(provenance.text) as { target?: unknown };
  if (!Array.isArray(target)) return [];
  return target.flatMap((entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'reference' in entry && typeof entry.reference === 'string'
      ? [entry.reference.replace(/\/_history\/.*$/, '')]
      : [],
  );
}

function linksOf(url: string, { applied }: SearchRequest, next: string | undefined): readonly BundleLink[] {
  const link = (relation: string, parameters: URLSearchParams): BundleLink => ({
    relation,
    url: parameters.size === 0 ? url : `${url}?${parameters.toString()}`,
  });
  if (next === undefined) return [link('self', applied)];
  const following = new URLSearchParams(applied);
  following.set(PAGE_PARAMETER, next);
  return [link('self', applied), link('next', following)];
}

function notApplied(names: readonly string[]): string {
  return `These search parameters are not supported and were not applied: ${names.join(', ')}.`;
}

function warning(names: readonly string[]): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'warning', code: 'not-supported', diagnostics: notApplied(names) }],
  });
}
