import type { Answer } from './answers.ts';
import { fhirAnswer, jsonAnswer, refuse } from './answers.ts';
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

export function answerSmartConfiguration(state: State): Answer {
  if (!state.behaviour.discovery.smartConfiguration) throw refuse(404, 'not-found', 'no SMART configuration');
  return jsonAnswer(200, {
    issuer: state.baseUrl,
    token_endpoint: state.tokenEndpoint,
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
    token_endpoint_auth_signing_alg_values_supported: state.behaviour.token.algorithms,
    grant_types_supported: ['client_credentials'],
    scopes_supported: ['system/*.rs', 'system/*.read'],
    capabilities: ['client-confidential-asymmetric', 'client-confidential-symmetric', 'permission-v1', 'permission-v2'],
  });
}

export function answerCapabilityStatement(state: State): Answer {
  const advertised = state.behaviour.discovery.operations;
  const operationsOf = (type: string | undefined): { name: string; definition: string }[] =>
    advertised
      .filter((name) => OPERATIONS[name].type === type)
      .map((name) => ({ name: OPERATION_NAMES[name], definition: OPERATIONS[name].definition }));
  const types = new Set(['Patient', ...[...state.members.values()].flatMap((member) => Object.keys(member.lines))]);
  if (advertised.includes('group-export')) types.add('Group');
  return fhirAnswer(200, {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    implementation: { description: 'Responding payer for tests', url: state.baseUrl },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
    rest: [
      {
        mode: 'server',
        security: securityOf(state),
        resource: [...types].sort().map((type) => ({
          type,
          interaction: [{ code: 'read' }, ...(type === 'Patient' ? [{ code: 'search-type' }] : [])],
          ...(type === 'Patient' ? { searchParam: [{ name: 'identifier', type: 'token' }] } : {}),
          ...(operationsOf(type).length > 0 ? { operation: operationsOf(type) } : {}),
        })),
        ...(operationsOf(undefined).length > 0 ? { operation: operationsOf(undefined) } : {}),
      },
    ],
  });
}

function securityOf(state: State): unknown {
  const service = {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }],
  };
  if (!state.behaviour.discovery.oauthUrisInCapability) return { service: [service] };
  return {
    service: [service],
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: state.tokenEndpoint }],
      },
    ],
  };
}
