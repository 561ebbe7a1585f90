import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPortal } from './portal.ts';
import type { Portal } from './portal.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const METHODS = ['get', 'post', 'put', 'delete'];

let portal: Portal;
let document: Document;

beforeAll(async () => {
  portal = await startPortal();
  document = (await (await fetch(`${portal.payer.p2pUrl}/openapi.json`)).json()) as Document;
});

afterAll(() => portal.stop());

const operations = (): [method: string, path: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): [string, string, Operation][] => {
      const operation = item[method];
      return operation === undefined ? [] : [[method.toUpperCase(), path, operation]];
    }),
  );

const example = (name: string): unknown => JSON.parse(readFileSync(`test/fixtures/vendor/${name}.json`, 'utf8'));

describe('the OpenAPI document of a running payer', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate({ ...document });
    expect({ version: document.openapi, valid, errors }).toEqual({ version: '3.1.0', valid: true, errors: undefined });
  });

  it('has an id of its own for every operation', () => {
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names no route that is not there, and none that is open', async () => {
    for (const [method, path] of operations()) {
      const at = path.replaceAll(/\{[^}]+\}/g, '1');
      expect([path, (await fetch(`${portal.payer.p2pUrl}${at}`, { method })).status]).toEqual([path, 401]);
      const answer = await portal.ask(method, at, method === 'GET' || method === 'DELETE' ? undefined : {});
      expect([path, answer.text]).toEqual([path, expect.not.stringContaining('No such path')]);
    }
  });

  it.each([
    ['batch-job-request', 'BatchJobInput'],
    ['batch-job-response', 'BatchJob'],
    ['batch-job-status-response', 'BatchJob'],
    ['oidc-server-response', 'OidcServer'],
  ])('has every field of the published %s in %s', (name, schema) => {
    expect(missing(example(name), document.components.schemas[schema], schema)).toEqual([]);
  });
});

/** Paths of the value's fields that the schema does not know. */
function missing(value: unknown, schema: Schema | undefined, at: string): string[] {
  if (schema === undefined) return [at];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => missing(inner, schema.properties?.[name], `${at}.${name}`));
}
