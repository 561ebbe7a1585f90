import { ExchangeError } from '../../fhir/errors.ts';
import { elementsOfType, withElements } from '../../fhir/element-subset.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { bundleText, outcomeEntry, searchEntry } from './bundle-text.ts';
import type { BundleLink } from './bundle-text.ts';
import { includedWith } from './includes.ts';
import type { Answer, RestContext } from './interaction.ts';
import { notApplied, warning } from './not-applied.ts';
import { PAGE_PARAMETER } from './result-parameters.ts';
import { visiblePage } from './search-pages.ts';
import type { VisiblePage } from './search-pages.ts';
import { readSearch } from './search-parameters.ts';
import type { SearchRequest } from './search-parameters.ts';
import { planSearch } from './search-plan.ts';
import type { SearchPlan } from './search-plan.ts';
import { sortedPage } from './search-sort.ts';
import { totalOf } from './search-total.ts';

/**
 * One page of a search. What was not applied is told in the answer, or refused where the caller asked to be strict.
 *
 * @throws ExchangeError `not-supported`, `too-costly`, `request-invalid`
 */
export async function search(context: RestContext, type: string, parameters: URLSearchParams): Promise<Answer> {
  const { access, baseUrl, prefer } = context;
  access.assertScope(type, 's');
  const request = readSearch(type, parameters, baseUrl);
  const { form, ignored } = request;
  if (prefer.strict && ignored.length > 0) {
    throw new ExchangeError('not-supported', { diagnostics: notApplied(ignored) });
  }
  for (const { source } of form.revIncludes) access.assertScope(source, 's');
  const plan = await planSearch(context, request);
  const outcome = ignored.length > 0 ? [outcomeEntry(warning(ignored))] : [];
  const url = `${baseUrl}/${type}`;
  if (form.countOnly) {
    const total = await totalOf(context, plan);
    const links = linksOf(url, request, undefined);
    return { status: 200, text: bundleText({ type: 'searchset', total, links, entries: outcome }) };
  }
  const page = await pageOf(context, plan, request);
  const matches = page.resources.map((resource) => searchEntry(baseUrl, narrowed(request, resource), 'match'));
  const included = await includedWith(context, form, page);
  const includes = included.map((resource) => searchEntry(baseUrl, resource, 'include'));
  const isWhole = form.page === undefined && page.next === undefined;
  const total = isWhole ? matches.length : form.withTotal ? await totalOf(context, plan) : undefined;
  const links = linksOf(url, request, page.next);
  const entries = [...matches, ...includes, ...outcome];
  return {
    status: 200,
    text: bundleText({ type: 'searchset', ...(total !== undefined && { total }), links, entries }),
  };
}

function pageOf(context: RestContext, plan: SearchPlan, { form }: SearchRequest): Promise<VisiblePage> {
  const { sort, count, page } = form;
  return sort.length > 0 ? sortedPage(context, plan, { sort, count, page }) : visiblePage(context, plan, count, page);
}

function narrowed({ form, type }: SearchRequest, resource: StoredResource): StoredResource {
  const names = elementsOfType(form.elements, type);
  return names === undefined ? resource : { ...resource, text: withElements(resource.text, type, names) };
}

export function linksOf(
  url: string,
  { applied }: { readonly applied: URLSearchParams },
  next: string | undefined,
): readonly BundleLink[] {
  const link = (relation: string, parameters: URLSearchParams): BundleLink => ({
    relation,
    url: parameters.size === 0 ? url : `${url}?${parameters.toString()}`,
  });
  if (next === undefined) return [link('self', applied)];
  const following = new URLSearchParams(applied);
  following.set(PAGE_PARAMETER, next);
  return [link('self', applied), link('next', following)];
}
