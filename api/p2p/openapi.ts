import { jsonSchema } from './definition-part.ts';
import type { Json, P2pPart } from './part.ts';
import { p2pError } from './p2p-error.ts';

export interface OpenApiOptions {
  readonly version: string;
  /** Where the operator gets a token. */
  readonly tokenEndpoint: string;
  readonly parts: readonly P2pPart[];
}

/** OpenAPI 3.1 of the P2P API. */
export function openApi({ version, tokenEndpoint, parts }: OpenApiOptions): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Carryover P2P API',
      version,
      description:
        'Partners and exchanges of this payer, for its operator. All requests need a bearer token of the operator: ' +
        '`curl -u CLIENT_ID:CLIENT_SECRET -d grant_type=client_credentials --data-urlencode "scope=carryover.admin" ' +
        `${tokenEndpoint}\` with ADMIN_CLIENT_ID and ADMIN_CLIENT_SECRET.`,
    },
    security: [{ operator: [] }],
    paths: Object.assign({}, ...parts.map(({ paths }) => paths)) as Json,
    components: {
      securitySchemes: { operator: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: Object.assign({ Error: jsonSchema(p2pError, 'output') }, ...parts.map(({ schemas }) => schemas)) as Json,
    },
  };
}
