import { CLAIM_TYPES } from './claim-types.ts';
import { pruneJson } from './json-prune.ts';
import { codesOf, listOf } from './member-match.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';

/** What keeps a prior authorization, or an item of it, from leaving: CMS-0057-F excludes denied ones and those for drugs. */
export type AuthorizationBar = 'denied-authorization' | 'drug-authorization';

export type AuthorizationDecision =
  | { readonly kind: 'let' }
  | { readonly kind: 'barred'; readonly bar: AuthorizationBar }
  /** Some of its items are barred: they are taken out, by their place in the list. */
  | { readonly kind: 'items'; readonly bars: ReadonlyMap<number, AuthorizationBar> };

export const isAuthorization = ({ resourceType, use }: Fields): boolean =>
  CLAIM_TYPES.has(String(resourceType)) && use === 'preauthorization';

/**
 * What may leave of a prior authorization. The decision stands at the whole of it or at each item; of the items, those that
 * may leave do. `isDeniedRequest`: the decision on this Claim, which another resource holds, is a denial.
 */
export function decideAuthorization(
  resource: Fields,
  barred: ReadonlySet<AuthorizationBar>,
  isDeniedRequest: boolean,
): AuthorizationDecision {
  const bar = [...barred].find((each) =>
    each === 'denied-authorization' ? isDenied(resource, isDeniedRequest) : isForDrugs(resource),
  );
  if (bar !== undefined) return { kind: 'barred', bar };
  const items = listOf(resource, 'item');
  const bars = new Map<number, AuthorizationBar>();
  for (const [index, item] of items.entries()) {
    const own = barOfItem(item);
    if (own !== undefined && barred.has(own)) bars.set(index, own);
  }
  const [first] = bars.values();
  if (first === undefined) return { kind: 'let' };
  return bars.size === items.length ? { kind: 'barred', bar: first } : { kind: 'items', bars };
}

/** The text without these items; every other byte as it was. */
export function withoutItems(text: string, resource: Fields, indexes: ReadonlySet<number>): string {
  const items: readonly unknown[] = Array.isArray(resource['item']) ? resource['item'] : [];
  const out = new Set(items.filter((_, index) => indexes.has(index)));
  // The narrative tells of all items.
  return pruneJson(text, resource, (path, value) => {
    if (path.length !== 1) return 'keep';
    return path[0] === 'text' || (path[0] === 'item' && out.has(value)) ? 'remove' : 'keep';
  });
}

/** The Claim (`Claim/id`) on which this resource decides by a denial of the whole; undefined for every other resource. */
export function deniedRequestOf(resource: Fields): string | undefined {
  if (!isAuthorization(resource)) return undefined;
  const denied = decideAuthorization(resource, new Set(['denied-authorization']), false);
  const request = resource[resource['resourceType'] === 'ClaimResponse' ? 'request' : 'claim'];
  if (denied.kind !== 'barred' || !isRecord(request) || typeof request['reference'] !== 'string') return undefined;
  return request['reference'].replace(/\/_history\/.*$/, '');
}

function isDenied(resource: Fields, isDeniedRequest: boolean): boolean {
  const { disposition } = resource;
  const said = typeof disposition === 'string' && /^\s*(denied|denial|not certified)\b/i.test(disposition);
  return isDeniedRequest || said || saysDenial(resource);
}

function barOfItem(item: Fields): AuthorizationBar | undefined {
  if (saysDenial(item)) return 'denied-authorization';
  return isDrug(item['productOrService']) ? 'drug-authorization' : undefined;
}

/** X12 306 `A3`: not certified. Where no action is given, a reason of denial stands for one. */
function saysDenial(part: Fields): boolean {
  const adjudications = listOf(part, 'adjudication');
  const actions = [part, ...adjudications].flatMap(reviewActions);
  if (actions.length > 0) return actions.every((code) => code === 'A3');
  return adjudications.some(({ category }) => codesOf(category).some(({ code }) => code === 'denialreason'));
}

/** PDex and PAS name the same two extensions under URLs of their own; older ones give the code beside the extension's others. */
function reviewActions(part: Fields): string[] {
  return listOf(part, 'extension').flatMap((extension): string[] => {
    const url = String(extension['url']);
    if (/reviewActionCode$/.test(url))
      return codesOf(extension['valueCodeableConcept']).map(({ code }) => String(code));
    return /reviewAction$/.test(url) ? reviewActions(extension) : [];
  });
}

const isForDrugs = (resource: Fields): boolean => codesOf(resource['type']).some(({ code }) => code === 'pharmacy');

const DRUG_SYSTEMS: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/sid/ndc',
  'http://www.nlm.nih.gov/research/umls/rxnorm',
  'urn:oid:2.16.840.1.113883.6.69',
  'urn:oid:2.16.840.1.113883.6.88',
]);

/** By NDC or RxNorm, or one of the HCPCS codes for drugs that are given (`J0120` to `J9999`). */
const isDrug = (concept: unknown): boolean =>
  codesOf(concept).some(
    ({ system, code }) =>
      DRUG_SYSTEMS.has(String(system)) || (/hcpcs|6\.285$/i.test(String(system)) && /^J\d{4}$/.test(String(code))),
  );
