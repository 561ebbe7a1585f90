import type { Json } from './part.ts';

interface Described {
  readonly path: string;
  readonly listName: string;
  readonly name: string;
  readonly summary: string;
}

const JSON_TYPE = 'application/json';
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ [JSON_TYPE]: { schema } });
const answer = (description: string, schema?: Json): Json => ({
  description,
  ...(schema !== undefined && { content: json(schema) }),
});

/** Answers that every operation of the P2P API may give. */
export const COMMON_ERRORS = {
  '401': answer('No valid bearer token', ref('Error')),
  '403': answer('Not the operator', ref('Error')),
} as const;
const notFound = answer('There is none of this id', ref('Error'));
const invalid = answer('A field is wrong: `error.field` names it', ref('Error'));
const conflict = answer('Registered already, or in use', ref('Error'));

/** OpenAPI path items of a list of definitions. */
export function describePaths({ path, listName, name, summary }: Described): Record<string, Json> {
  const tags = [path];
  const body = { required: true, content: json(ref(`${name}Input`)) };
  const pid = { name: 'id', in: 'path', required: true, description: 'pid', schema: { type: 'integer', minimum: 1 } };
  const list = {
    type: 'object',
    required: [listName],
    properties: {
      [listName]: {
        type: 'array',
        items: {
          type: 'object',
          required: ['pid', 'name'],
          properties: { pid: { type: 'integer' }, name: { type: 'string' } },
        },
      },
    },
  };
  const operation = (id: string, title: string, responses: Json, more: Json = {}): Json => ({
    ...{ operationId: `${id}${name}`, summary: title, tags },
    ...more,
    responses: { ...responses, ...COMMON_ERRORS },
  });
  return {
    [path]: {
      description: summary,
      get: operation('list', 'All of them', { '200': answer('Ids and names', list) }),
      post: operation(
        'create',
        'Register one',
        { '201': answer('Registered', ref(name)), '400': invalid, '409': conflict },
        { requestBody: body },
      ),
    },
    [`${path}/{id}`]: {
      parameters: [pid],
      get: operation('read', 'One of them, without its secrets', {
        '200': answer('Found', ref(name)),
        '404': notFound,
      }),
      put: operation(
        'replace',
        'Replace one; a secret that is left out stays, null takes it away',
        { '200': answer('Replaced', ref(name)), '400': invalid, '404': notFound, '409': conflict },
        { requestBody: body },
      ),
      delete: operation('delete', 'Remove one', { '204': answer('Removed'), '404': notFound, '409': conflict }),
    },
  };
}
