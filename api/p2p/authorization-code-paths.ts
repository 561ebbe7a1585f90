import { COMMON_ERRORS } from './definition-paths.ts';
import type { Json } from './part.ts';

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ 'application/json': { schema } });
const answer = (description: string, name: string): Json => ({ description, content: json(ref(name)) });
const body = (name: string): Json => ({ required: true, content: json(ref(name)) });

const tags = ['/api/oidc_servers/{id}/authorization'];
const parameters = [
  {
    ...{ name: 'id', in: 'path', required: true, description: 'pid of the payer' },
    schema: { type: 'integer', minimum: 1 },
  },
];
const refused = {
  '400': answer('A field is wrong: `error.field` names it', 'Error'),
  '404': answer('There is no payer of this id', 'Error'),
  '502': answer('The authorization server refused, or could not be reached', 'Error'),
  ...COMMON_ERRORS,
};

/** OpenAPI path items of a member's authorization code flow. */
export const AUTHORIZATION_CODE_PATHS: Readonly<Record<string, Json>> = {
  '/api/oidc_servers/{id}/authorization_request': {
    parameters,
    post: {
      ...{ operationId: 'createAuthorizationRequest', tags, requestBody: body('AuthorizationRequestInput') },
      summary: 'Begin the authorization of a member: where the portal sends the browser',
      responses: {
        '201': answer('The address, good for ten minutes and one answer', 'AuthorizationRequest'),
        '422': answer(
          'The definition has a response type without a code, or members cannot sign in at the payer',
          'Error',
        ),
        ...refused,
      },
    },
  },
  '/api/oidc_servers/{id}/authorization_response': {
    parameters,
    post: {
      ...{ operationId: 'createAuthorizationResponse', tags, requestBody: body('AuthorizationResponse') },
      summary: 'Exchange the code that the member brought back for tokens, once',
      responses: { '200': answer('Tokens for a batch job', 'MemberTokens'), ...refused },
    },
  },
};
