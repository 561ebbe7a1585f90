import type { Answer } from './answers.ts';
import { fhirAnswer, jsonAnswer, refuse } from './answers.ts';
import { capabilityStatement } from './capability-statement.ts';
import { fhirXml } from './fhir-xml.ts';
import type { State } from './state.ts';

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
  const statement = capabilityStatement(state);
  switch (state.behaviour.discovery.capability) {
    case 'json':
      return fhirAnswer(200, statement);
    case 'xml-only':
      return { status: 200, headers: { 'content-type': 'application/fhir+xml' }, body: fhirXml(statement) };
    case 'missing':
      throw refuse(404, 'not-found', 'no CapabilityStatement');
  }
}
