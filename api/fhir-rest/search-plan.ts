import { inPatientCompartment } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import { filterParameter } from '../../fhir/filter-parameters.ts';
import { elementsAt } from '../../fhir/filter-values.ts';
import type { Condition } from '../../fhir/filter-values.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { SearchScope } from '../../store/search-query.ts';
import type { RestContext } from './interaction.ts';
import { firstVisible } from './search-pages.ts';
import { readSearch } from './search-parameters.ts';
import type { Chain, SearchRequest } from './search-parameters.ts';

/** A search as the store is asked for it, and what has to hold of what is shown. */
export interface SearchPlan {
  readonly scope: SearchScope;
  readonly verify: Condition | undefined;
  /** A partner without a member to stay in gets one page: whether there is a next one may tell of others' records. */
  readonly onePage: boolean;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Targets of one chain. */
const MOST_TARGETS = 1000;
/** These are in nobody's compartment, and there are few. What of a Group is a partner's to see is decided one by one. */
const isFew = (type: string): boolean => OPEN_TYPES.has(type) || type === 'Group';

/**
 * Follows chains, and narrows a partner's search to the members that it has matched: whether somebody else is a member must
 * show neither in what is found nor in whether there is a next page.
 *
 * @throws ExchangeError `too-costly`
 */
export async function planSearch(context: RestContext, request: SearchRequest): Promise<SearchPlan> {
  const asked = [...request.asked];
  const verified = [...request.verified];
  const scope: Writable<SearchScope> = { ...request.scope };
  for (const chain of request.chains) {
    const targets = await targetsOf(context, chain);
    const holds = pointsToAny(request.type, chain.parameter, targets, context.baseUrl);
    asked.push(holds);
    verified.push(holds);
    narrowBy(scope, chain, targets);
  }
  if (scope.origin !== undefined && scope.patientIds !== undefined) {
    const linked = await context.store.linkedPatientsOf(scope.patientIds);
    scope.patientIds = [...new Set([...linked.values()].flat())];
  }
  if (context.access.isOperator) scope.includeEvidence = true;
  else await stayInside(context, scope);
  const where = allOf(asked);
  if (isCostly(scope, request, where !== undefined, context.access.isOperator)) throw new ExchangeError('too-costly');
  const isOpen = context.access.isOperator || isFew(request.type);
  return {
    scope: where === undefined ? scope : { ...scope, where },
    // What a partner is shown may be less than what is stored.
    verify: context.access.isOperator ? undefined : allOf(verified),
    onePage: !isOpen && scope.patientIds === undefined,
  };
}

/** What a partner reaches of a type that lies in compartments. */
async function stayInside({ access }: RestContext, scope: Writable<SearchScope>): Promise<void> {
  if (isFew(scope.type)) return;
  if (scope.patientIds === undefined) {
    const reached = await access.compartments();
    if (reached !== undefined) scope.patientIds = reached;
    return;
  }
  const reachable: string[] = [];
  for (const id of scope.patientIds) if (await access.reaches(id)) reachable.push(id);
  scope.patientIds = reachable;
}

async function targetsOf(context: RestContext, { type, name, value }: Chain): Promise<readonly string[]> {
  context.access.assertScope(type, 's');
  const request = readSearch(type, new URLSearchParams([[name, value]]), context.baseUrl);
  const plan = await planSearch(context, request);
  const { resources, isWhole } = await firstVisible(context, plan, MOST_TARGETS);
  if (!isWhole) throw new ExchangeError('too-costly');
  return resources.map(({ id }) => id);
}

function narrowBy(scope: Writable<SearchScope>, { parameter, type }: Chain, targets: readonly string[]): void {
  if (type === 'Patient' && inPatientCompartment(scope.type) && parameter !== 'target') {
    scope.patientIds = scope.patientIds?.filter((id) => targets.includes(id)) ?? targets;
  } else if (scope.type === 'PractitionerRole' && parameter === 'practitioner') {
    scope.names = [...(scope.names ?? []), { part: 'practitioner', anyOf: targets }];
  }
}

function pointsToAny(type: string, name: string, ids: readonly string[], baseUrl: string): Condition {
  const wanted = new Set(ids);
  const paths = (filterParameter(type, name)?.paths ?? []).map((path) => path.split('.'));
  return (resource) =>
    paths
      .flatMap((path) => elementsAt(resource, path))
      .some((element) => {
        const written = isRecord(element) ? element['reference'] : undefined;
        const parsed = typeof written === 'string' ? parseReference(written, baseUrl) : undefined;
        return parsed?.kind === 'literal' && wanted.has(parsed.id);
      });
}

/** What is neither in an index nor inside few compartments would read the records of all members. */
function isCostly(scope: SearchScope, { ignored }: SearchRequest, isAsked: boolean, isOperator: boolean): boolean {
  const { ids, patientIds, identifiers, names, type, lastUpdated } = scope;
  if ((ids ?? patientIds ?? identifiers ?? names) !== undefined) return false;
  if (isAsked) return !isFew(type);
  const isList = isOperator || type === 'Group';
  return !isList || (ignored.length > 0 && lastUpdated === undefined);
}

function allOf(conditions: readonly Condition[]): Condition | undefined {
  return conditions.length === 0 ? undefined : (resource) => conditions.every((holds) => holds(resource));
}
