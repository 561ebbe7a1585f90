import { randomUUID } from 'node:crypto';
import type { Call, Reply } from './answers.ts';
import { failureReply, fhirText, refuse, takeFailure } from './answers.ts';
import { requireBearer } from './bearer.ts';
import { bundleText } from './bundle-text.ts';
import { prettyJson } from './json-layout.ts';
import type { PagingBehaviour } from './retrieval-options.ts';
import type { IssuedToken, State } from './state.ts';

/** What one request found, frozen; a page is its entries as text. */
export interface ResultSet {
  area: 'everything' | 'search';
  clientId: string;
  self: string;
  total: number | undefined;
  pages: string[][];
  /** Opaque; the first page is reached without. */
  pageIds: string[];
}

/** The parameter of a next link, as a HAPI server names it. */
export const PAGE_PARAMETER = '_getpages';

/** Splits what was found into pages; there is always a first one. */
export function pagesOf(entries: readonly string[], size: number): string[][] {
  const pages: string[][] = [];
  for (let start = 0; start < entries.length; start += size) pages.push(entries.slice(start, start + size));
  return pages.length > 0 ? pages : [[]];
}

/** @throws Refusal 400 for a `_count` that is no positive number */
export function pageSizeOf(options: PagingBehaviour, count: string | null): number {
  if (count === null) return Math.max(1, options.pageSize);
  if (!/^[1-9]\d*$/.test(count)) throw refuse(400, 'invalid', '_count is no positive number');
  return Math.max(1, Math.min(options.pageSize, Number(count)));
}

/** A failure of the first page; to be asked for before anything is looked up. */
export function firstPageFailure(options: PagingBehaviour): Reply | undefined {
  const failure = options.failuresFromPage <= 1 ? takeFailure(options.failures) : undefined;
  return failure && failureReply(failure);
}

export function answerFirstPage(
  state: State,
  token: IssuedToken,
  found: Pick<ResultSet, 'area' | 'self' | 'total' | 'pages'>,
): Reply {
  const result = { ...found, clientId: token.clientId, pageIds: found.pages.map(() => randomUUID()) };
  result.pageIds.forEach((id, index) => index > 0 && state.pages.set(id, { result, index }));
  return pageAnswer(state, result, 0);
}

/** `GET [base]?_getpages=…` */
export function answerNextPage(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const id = call.url.searchParams.get(PAGE_PARAMETER) ?? '';
  const page = state.pages.get(id);
  if (!page) throw refuse(410, 'expired', 'the page is unknown or expired');
  if (page.result.clientId !== token.clientId) throw refuse(403, 'forbidden', 'the search of another client');
  const options = state.behaviour[page.result.area];
  const failure = page.index + 1 >= options.failuresFromPage ? takeFailure(options.failures) : undefined;
  if (failure) return failureReply(failure);
  if (options.expireLinkAfterPages !== null && page.index >= options.expireLinkAfterPages) {
    options.expireLinkAfterPages = null;
    state.pages.delete(id);
    throw refuse(410, 'expired', 'the page is unknown or expired');
  }
  return pageAnswer(state, page.result, page.index);
}

function pageAnswer(state: State, result: ResultSet, index: number): Reply {
  const nextId = result.pageIds[index + 1];
  const selfId = result.pageIds[index];
  const self = index === 0 || selfId === undefined ? result.self : linkTo(state, result, selfId);
  const links = [{ relation: 'self', url: self }];
  if (nextId !== undefined) links.push({ relation: 'next', url: linkTo(state, result, nextId) });
  const text = bundleText({ type: 'searchset', total: result.total, links, entries: result.pages[index] ?? [] });
  const pretty = result.area === 'everything' && state.behaviour.everything.pretty;
  return fhirText(200, pretty ? prettyJson(text) : text);
}

function linkTo(state: State, result: ResultSet, id: string): string {
  const path = `${state.basePath}?${PAGE_PARAMETER}=${id}&_bundletype=searchset`;
  switch (state.behaviour[result.area].links) {
    case 'absolute':
      return `${state.origin}${path}`;
    case 'relative':
      return path;
    case 'other-origin':
      return `${state.otherOrigin}${path}`;
  }
}
