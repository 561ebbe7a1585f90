import type {
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceInteraction,
  CapabilityStatementRestResourceSearchParam,
} from 'fhir/r4.js';
import { inPatientCompartment } from '../fhir/compartment.ts';
import { filterParameter, filterParameterNames } from '../fhir/filter-parameters.ts';
import { includesOf, revIncludesOf } from '../fhir/search-includes.ts';
import { operationsOf } from './capability-operations.ts';
import { RESULT_PARAMETERS } from './fhir-rest/result-parameters.ts';
import { REST_TYPES } from './fhir-rest/rest-types.ts';
import { REST_ROUTES } from './fhir-rest/routes.ts';
import type { ServedRoute } from './route-walk.ts';

type Code = CapabilityStatementRestResourceInteraction['code'];
type SearchParam = CapabilityStatementRestResourceSearchParam;

const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/SearchParameter';
const PARAMETER_DEFINITIONS: Readonly<Record<string, string>> = {
  'Group.characteristic-value-reference': `${PDEX}/pdex-group-characteristic-value-reference`,
};

/** What routes of one type are called, by method and by whether a resource is named. */
const OWN_INTERACTIONS: Readonly<Record<string, Code>> = {
  ...{ 'GET type': 'search-type', 'POST type': 'create' },
  ...{ 'GET instance': 'read', 'PUT instance': 'update', 'DELETE instance': 'delete' },
};
/** Routes that are there to say that there is no such thing. */
const REFUSALS: ReadonlySet<string> = new Set(['DELETE /Task/:id']);

/** Searches of what is kept beside the records. */
const OWN_SEARCHES: Readonly<Record<string, readonly SearchParam[]>> = {
  Task: [
    ...(['_id', 'identifier', 'status', 'code'] as const).map((name) => ({ name, type: 'token' as const })),
    ...(['patient', 'subject'] as const).map((name) => ({ name, type: 'reference' as const })),
    { name: '_lastUpdated', type: 'date' },
  ],
  Subscription: [
    { name: '_id', type: 'token' },
    { name: 'status', type: 'token' },
    { name: 'criteria', type: 'string' },
  ],
};
const OWN_NOTES: Readonly<Record<string, string>> = {
  Task: 'Mirrors the exchanges of this server, for its operator; a portal may post a request to add a payer.',
  Subscription: 'Events of Tasks, for the operator of this server.',
};

/** Every type that these routes serve, with what they do. */
export function capabilityResources(routes: readonly ServedRoute[]): readonly CapabilityStatementRestResource[] {
  const own = new Set(routes.flatMap(({ path }) => typeOf(path) ?? []).filter((type) => !REST_TYPES.has(type)));
  return [...REST_TYPES, ...own].sort().map((type) => {
    const operation = operationsOf(routes).flatMap((served) => (served.type === type ? [served.operation] : []));
    const resource = REST_TYPES.has(type) ? recordResource(type) : ownResource(type, routes);
    return operation.length === 0 ? resource : { ...resource, operation };
  });
}

function recordResource(type: string): CapabilityStatementRestResource {
  const codes = REST_ROUTES.flatMap(({ interactions }): readonly string[] => interactions);
  const has = (code: string): boolean => codes.includes(code);
  const interactions = [...new Set(codes)].filter(isTypeInteraction);
  return {
    // REST_TYPES are the names that the type spells out.
    type: type as CapabilityStatementRestResource['type'],
    interaction: interactions.map((code) => ({ code })),
    ...{ versioning: 'versioned-update', readHistory: has('vread'), updateCreate: true },
    ...{ conditionalCreate: true, conditionalRead: 'full-support', conditionalUpdate: has('conditional-update') },
    conditionalDelete: has('conditional-delete') ? 'single' : 'not-supported',
    referencePolicy: ['literal', 'logical', 'local'],
    searchInclude: [...includesOf(type)],
    searchRevInclude: [...revIncludesOf(type)],
    searchParam: searchParams(type),
  };
}

const ORIGIN: SearchParam = {
  ...{ name: 'origin', type: 'token' },
  documentation: 'native, imported or all; with a patient, in all compartments of that member.',
};

function searchParams(type: string): SearchParam[] {
  const special = RESULT_PARAMETERS.map((name) => ({ name, type: 'special' as const }));
  const named = filterParameterNames(type).map((name): SearchParam => {
    const definition = PARAMETER_DEFINITIONS[`${type}.${name}`];
    const kind = filterParameter(type, name)?.kind ?? 'special';
    return { name, type: kind, ...(definition !== undefined && { definition }) };
  });
  return [...named, ...(inPatientCompartment(type) ? [ORIGIN] : []), ...special];
}

function ownResource(type: string, routes: readonly ServedRoute[]): CapabilityStatementRestResource {
  const codes = routes.flatMap(({ method, path }): Code[] => {
    if (REFUSALS.has(`${method} ${path}`)) return [];
    const level = path === `/${type}` ? 'type' : path === `/${type}/:id` ? 'instance' : undefined;
    const code = OWN_INTERACTIONS[`${method} ${level ?? ''}`];
    return code === undefined ? [] : [code];
  });
  const searchParam = OWN_SEARCHES[type];
  const documentation = OWN_NOTES[type];
  return {
    type: type as CapabilityStatementRestResource['type'],
    interaction: [...new Set(codes)].map((code) => ({ code })),
    ...(documentation !== undefined && { documentation }),
    ...(searchParam !== undefined && { searchParam: [...searchParam] }),
  };
}

const TYPE_INTERACTIONS = ['read', 'vread', 'update', 'delete', 'history-instance', 'create', 'search-type'] as const;

function isTypeInteraction(code: string): code is (typeof TYPE_INTERACTIONS)[number] {
  return TYPE_INTERACTIONS.some((each) => each === code);
}

function typeOf(path: string): string | undefined {
  return /^\/([A-Z][A-Za-z]*)(?:\/|$)/.exec(path)?.[1];
}
