import { ExchangeError } from '../../fhir/errors.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { bundleText, historyEntry, outcomeEntry } from './bundle-text.ts';
import type { Answer, RestContext } from './interaction.ts';
import { notApplied, warning } from './not-applied.ts';
import { countOf, MAX_COUNT, PAGE_PARAMETER } from './result-parameters.ts';
import { showVersions } from './show-versions.ts';

interface HistoryRequest {
  readonly since: string | undefined;
  readonly count: number;
  /** Exclusive. */
  readonly before: string | undefined;
  readonly ignored: readonly string[];
  readonly applied: URLSearchParams;
}

/** Of the form of the answer, not of what is found. */
const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Versions, newest first. What is written meanwhile lies before the first page: the pages behind it stay as they are.
 *
 * @throws ExchangeError `not-found` where there is no version that the caller may see
 */
export async function history(
  context: RestContext,
  type: string,
  id: string,
  parameters: URLSearchParams,
): Promise<Answer> {
  context.access.assertScope(type, 'r');
  const request = readHistory(parameters);
  const { ignored } = request;
  if (context.prefer.strict && ignored.length > 0) {
    throw new ExchangeError('not-supported', { diagnostics: notApplied(ignored) });
  }
  const { entries, next } = await page(context, type, id, request);
  if (entries.length === 0 && !(await isAnyVisible(context, type, id))) throw new ExchangeError('not-found');
  if (ignored.length > 0) entries.push(outcomeEntry(warning(ignored)));
  const isWhole = request.before === undefined && next === undefined;
  const total = isWhole ? entries.length - (ignored.length > 0 ? 1 : 0) : undefined;
  const links = linksOf(`${context.baseUrl}/${type}/${id}/_history`, request, next);
  return { status: 200, text: bundleText({ type: 'history', ...(total !== undefined && { total }), links, entries }) };
}

interface Page {
  readonly entries: string[];
  /** The instant before which the next page begins. */
  readonly next: string | undefined;
}

async function page(
  context: RestContext,
  type: string,
  id: string,
  { since, before, count }: HistoryRequest,
): Promise<Page> {
  const entries: string[] = [];
  let older = before;
  for (;;) {
    // One more than are asked for, and the one before the oldest: it tells whether that was created.
    const size = count - entries.length + 1;
    const versions = await context.store.history(type, id, { before: older, count: size + 1 });
    for (const [index, version] of versions.slice(0, size).entries()) {
      if (since !== undefined && version.lastUpdated < since) return { entries, next: undefined };
      const [visible] = await showVersions(context, [version], { isCurrent: false });
      if (visible === undefined) continue;
      if (entries.length === count) return { entries, next: older };
      entries.push(historyEntry(context.baseUrl, visible, isCreation(versions, index)));
      older = version.lastUpdated;
    }
    if (versions.length <= size) return { entries, next: undefined };
    older = versions[size - 1]?.lastUpdated;
  }
}

function isCreation(versions: readonly StoredResource[], index: number): boolean {
  return versions[index + 1]?.deleted !== false;
}

async function isAnyVisible(context: RestContext, type: string, id: string): Promise<boolean> {
  const versions = await context.store.history(type, id, { count: MAX_COUNT });
  return (await showVersions(context, versions, { isCurrent: false })).length > 0;
}

/** @throws ExchangeError `request-invalid` */
function readHistory(parameters: URLSearchParams): HistoryRequest {
  let since: string | undefined;
  let before: string | undefined;
  let count = MAX_COUNT;
  const ignored = new Set<string>();
  const applied = new URLSearchParams();
  for (const [name, value] of parameters) {
    if (FORM_PARAMETERS.has(name) || value === '') continue;
    if (name === '_since') since = instantOf(name, value);
    else if (name === PAGE_PARAMETER) before = instantOf(name, value);
    else if (name === '_count') count = Math.min(Math.max(countOf(value), 1), MAX_COUNT);
    else {
      ignored.add(name);
      continue;
    }
    if (name !== PAGE_PARAMETER) applied.append(name, value);
  }
  return { since, before, count, ignored: [...ignored], applied };
}

function instantOf(name: string, value: string): string {
  // A plus sign that was not encoded arrives as a space.
  const written = value.replace(' ', '+');
  if (INSTANT.test(written) && !Number.isNaN(Date.parse(written))) return new Date(written).toISOString();
  throw new ExchangeError('request-invalid', { diagnostics: `${name} is an instant.` });
}

function linksOf(url: string, { applied }: HistoryRequest, next: string | undefined) {
  const self = { relation: 'self', url: applied.size === 0 ? url : `${url}?${applied.toString()}` };
  if (next === undefined) return [self];
  const following = new URLSearchParams(applied);
  following.set(PAGE_PARAMETER, next);
  return [self, { relation: 'next', url: `${url}?${following.toString()}` }];
}
