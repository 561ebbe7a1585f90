import { CLAIM_TYPES } from './claim-types.ts';
import { pruneJson } from './json-prune.ts';
import type { Pruning, PruningRule } from './json-prune.ts';
import { codesOf } from './member-match.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';
import { isAuthorization } from './prior-authorization.ts';

/**
 * A required amount that is not told, of a prior authorization: of `total`, whose extension counts what was used of it, and
 * of an `adjudication`, whose extension is the decision.
 */
const MASKED =
  '{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}';

/**
 * The profiles of CARIN Blue Button that ask for amounts; each has a counterpart `-Basis`, which PDex asks for (pdex-158).
 * Guides before 2.1 have none of these.
 */
const CARIN_CLAIM =
  /^(http:\/\/hl7\.org\/fhir\/us\/carin-bb\/StructureDefinition\/C4BB-ExplanationOfBenefit-(?:Inpatient-Institutional|Outpatient-Institutional|Professional-NonClinician|Oral|Pharmacy))(?:\|[01]\..*|\|2\.0.*|(\|.*))?$/;

/** Parts that say nothing but what something costs, and who paid it. */
const FINANCIAL_PARTS: ReadonlySet<string> = new Set([
  ...['payment', 'benefitBalance', 'net', 'unitPrice', 'costToBeneficiary'],
]);
/** Adjudication categories whose number is the member's share. */
const COST_SHARING: ReadonlySet<string> = new Set(['copay', 'copayment', 'coinsurance', 'deductible', 'eligpercent']);

/**
 * A claim without the provider's remittance and the enrollee's cost-sharing (42 CFR 422.121(b)(1)): amounts wherever they
 * stand, the parts that hold nothing else, adjudications that are left with a category alone. The narrative goes with them,
 * because generated ones repeat every amount; a profile that asks for them is no longer claimed. All other types, and claims
 * without amounts, come back as they are.
 */
export function withoutFinancials(text: string, resource: Fields): string {
  const type = String(resource['resourceType']);
  if (!CLAIM_TYPES.has(type)) return text;
  const isDecision = isAuthorization(resource);
  const rule = (path: readonly string[], value: unknown): Pruning => pruningOf(path, value, type, isDecision);
  const found = { financials: false };
  const pruned = pruneJson(text, resource, (path, value) => {
    const pruning = rule(path, value);
    if (pruning !== 'keep') {
      found.financials ||= pruning === 'remove' || JSON.stringify(value) !== pruning.json;
      return pruning;
    }
    if (path.length === 1 && path[0] === 'text') {
      found.financials ||= holdsPruned(path, value, rule);
      return 'remove';
    }
    const isProfile = path.length === 2 && path[0] === 'meta' && path[1] === 'profile';
    return isProfile ? profileWithoutAmounts(value) : 'keep';
  });
  return found.financials ? pruned : text;
}

function holdsPruned(path: readonly string[], value: unknown, rule: PruningRule): boolean {
  if (!isRecord(value)) return false;
  return Object.entries(value).some(([key, child]) => {
    const at = [...path, key];
    const all: readonly unknown[] = Array.isArray(child) ? child : [child];
    return all.some((each) => rule(at, each) !== 'keep' || holdsPruned(at, each, rule));
  });
}

function profileWithoutAmounts(profile: unknown): Pruning {
  const [, financial, version = ''] = CARIN_CLAIM.exec(String(profile)) ?? [];
  return financial === undefined ? 'keep' : { json: JSON.stringify(`${financial}-Basis${version}`) };
}

function pruningOf(path: readonly string[], value: unknown, type: string, isDecision: boolean): Pruning {
  const key = path.at(-1) ?? '';
  const parent = path.at(-2);
  if (FINANCIAL_PARTS.has(key)) return 'remove';
  if (key === 'total' && path.length === 1) return countsUse(value) ? 'keep' : 'remove';
  if (key === 'amount' && parent === 'total') return { json: MASKED };
  if (key === 'adjudication' && isOnlyAmount(value)) {
    // A ClaimResponse's item must have an adjudication, an ExplanationOfBenefit's need not.
    return type === 'ClaimResponse' ? { json: JSON.stringify({ category: value['category'] }) } : 'remove';
  }
  if (key === 'extension' || key === 'modifierExtension') return holdsMoney(value) ? 'remove' : 'keep';
  if (key === 'amount' && parent === 'adjudication') return isDecision ? { json: MASKED } : 'remove';
  return isMoney(value) ? 'remove' : 'keep';
}

/** `total` of a PDex prior authorization: how much of what was authorized has been used. */
const countsUse = (total: unknown): boolean => isRecord(total) && total['extension'] !== undefined;

const ONLY_AMOUNT: ReadonlySet<string> = new Set(['id', 'category', 'amount']);

function isOnlyAmount(adjudication: unknown): adjudication is Fields {
  if (!isRecord(adjudication)) return false;
  if (codesOf(adjudication['category']).some(({ code }) => COST_SHARING.has(String(code)))) return true;
  return adjudication['amount'] !== undefined && Object.keys(adjudication).every((key) => ONLY_AMOUNT.has(key));
}

const CURRENCIES = 'urn:iso:std:iso:4217';

const isMoney = (value: unknown): boolean =>
  isRecord(value) && (value['currency'] !== undefined || value['system'] === CURRENCIES);

function holdsMoney(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsMoney);
  if (!isRecord(value)) return false;
  return value['valueMoney'] !== undefined || Object.values(value).some(holdsMoney);
}
