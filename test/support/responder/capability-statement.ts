import type { RestResource } from './capability-resources.ts';
import { truthfulInteractions, truthfulOperations, truthfulResources } from './capability-resources.ts';
import type { State } from './state.ts';

const OPERATIONS = {
  'member-match': {
    type: 'Patient',
    definition: 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match',
  },
  'patient-export': {
    type: 'Patient',
    definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export',
  },
  'group-export': { type: 'Group', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' },
  export: { type: undefined, definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export' },
  everything: { type: 'Patient', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' },
} as const;

const OPERATION_NAMES = {
  'member-match': 'member-match',
  'patient-export': 'export',
  'group-export': 'export',
  export: 'export',
  everything: 'everything',
} as const;

/** In the order of elements that FHIR XML asks for. */
export function capabilityStatement(state: State): Record<string, unknown> {
  const truthful = state.behaviour.discovery.truthful;
  const resource = truthful ? truthfulResources(state) : namedResources(state);
  const interaction = truthful ? truthfulInteractions(state) : [];
  const operation = truthful ? truthfulOperations(state) : namedOperations(state, undefined);
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
    implementation: { description: 'Responding payer for tests', url: state.baseUrl },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        security: securityOf(state),
        resource,
        ...(interaction.length > 0 ? { interaction } : {}),
        ...(operation.length > 0 ? { operation } : {}),
      },
    ],
  };
}

/** What the statement is told to name, whether there is such a thing or not. */
function namedResources(state: State): RestResource[] {
  const types = new Set(['Patient', ...[...state.members.values()].flatMap((member) => Object.keys(member.lines))]);
  if (state.behaviour.discovery.operations.includes('group-export')) types.add('Group');
  return [...types].sort().map((type) => {
    const operation = namedOperations(state, type);
    return {
      type,
      interaction: [{ code: 'read' }, ...(type === 'Patient' ? [{ code: 'search-type' }] : [])],
      ...(type === 'Patient' ? { searchParam: [{ name: 'identifier', type: 'token' }] } : {}),
      ...(operation.length > 0 ? { operation } : {}),
    };
  });
}

function namedOperations(state: State, type: string | undefined): { name: string; definition: string }[] {
  return state.behaviour.discovery.operations
    .filter((name) => OPERATIONS[name].type === type)
    .map((name) => ({ name: OPERATION_NAMES[name], definition: OPERATIONS[name].definition }));
}

function securityOf(state: State): unknown {
  const service = {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }],
  };
  if (!state.behaviour.discovery.oauthUrisInCapability) return { service: [service] };
  return {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: state.tokenEndpoint }],
      },
    ],
    service: [service],
  };
}
