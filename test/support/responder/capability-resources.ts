import { isOffered } from './kick-off.ts';
import { isSearchable, patientParametersOf, searchableTypes } from './resource-types.ts';
import type { State } from './state.ts';

export interface RestResource {
  type: string;
  interaction?: { code: string }[];
  searchParam?: { name: string; type: string }[];
  operation?: Operation[];
}

interface Operation {
  name: string;
  definition: string;
}

const BULK_DATA = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';
const EVERYTHING = 'http://hl7.org/fhir/OperationDefinition/Patient-everything';
const MEMBER_MATCH = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';

/** `rest.resource` as this payer behaves at this moment. */
export function truthfulResources(state: State): RestResource[] {
  const { kickOff, search } = state.behaviour;
  const types = new Set(['Patient', ...(search.enabled ? searchableTypes() : [])]);
  for (const { lines, undelivered } of state.members.values())
    for (const type of [...Object.keys(lines), ...Object.keys(undelivered ?? {})]) types.add(type);
  if (kickOff.groups || kickOff.groupLevel) types.add('Group');
  return [...types].sort().map((type) => {
    const searchParam = searchParametersOf(state, type);
    const operation = operationsOf(state, type);
    const interaction = [
      ...(isRead(state, type) ? [{ code: 'read' }] : []),
      ...(searchParam.length > 0 ? [{ code: 'search-type' }] : []),
    ];
    return {
      type,
      ...(interaction.length > 0 ? { interaction } : {}),
      ...(searchParam.length > 0 ? { searchParam } : {}),
      ...(operation.length > 0 ? { operation } : {}),
    };
  });
}

/** `rest.interaction` */
export function truthfulInteractions(state: State): { code: string }[] {
  return state.behaviour.batch.enabled ? [{ code: 'batch' }] : [];
}

/** `rest.operation`: `$member-match` where it is no operation of a type. */
export function truthfulOperations(state: State): Operation[] {
  return matchOperation(state, undefined);
}

function isRead(state: State, type: string): boolean {
  const { refusedWith, types } = state.behaviour.reads;
  return (
    refusedWith === null && types?.includes(type) !== false && (type !== 'Group' || state.behaviour.kickOff.groups)
  );
}

function searchParametersOf(state: State, type: string): { name: string; type: string }[] {
  const { reads, search, kickOff } = state.behaviour;
  if (reads.refusedWith !== null) return [];
  if (type === 'Group') return kickOff.groups ? [{ name: 'member', type: 'reference' }] : [];
  const identifier = type === 'Patient' ? [{ name: 'identifier', type: 'token' }] : [];
  if (!search.enabled || !isSearchable(type) || search.types?.includes(type) === false) return identifier;
  return [
    ...identifier,
    { name: '_id', type: 'token' },
    { name: '_lastUpdated', type: 'date' },
    ...patientParametersOf(type, search.patientParameters).map((name) => ({ name, type: 'reference' })),
  ];
}

function operationsOf(state: State, type: string): Operation[] {
  const { everything, kickOff } = state.behaviour;
  const found = matchOperation(state, type);
  if (kickOff.get || kickOff.post) {
    if (type === 'Patient' && isOffered(kickOff, 'type'))
      found.push({ name: 'export', definition: `${BULK_DATA}/patient-export` });
    // There is no published definition of it: a HAPI server names one of its own.
    if (type === 'Patient' && isOffered(kickOff, 'patient'))
      found.push({ name: 'export', definition: `${state.baseUrl}/OperationDefinition/Patient-i-export` });
    if (type === 'Group' && isOffered(kickOff, 'group'))
      found.push({ name: 'export', definition: `${BULK_DATA}/group-export` });
  }
  if (type === 'Patient' && everything.enabled) found.push({ name: 'everything', definition: EVERYTHING });
  return found;
}

function matchOperation(state: State, type: string | undefined): Operation[] {
  const [, place, name] = /^(?:([A-Z][A-Za-z]+)\/)?\$([a-z-]+)$/.exec(state.behaviour.match.path) ?? [];
  return name !== undefined && place === type ? [{ name, definition: MEMBER_MATCH }] : [];
}
