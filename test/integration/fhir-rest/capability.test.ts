import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CapabilityStatement, CapabilityStatementRest, CapabilityStatementRestResource } from 'fhir/r4.js';
import { wireApps } from '../../../cli/wire-apps.ts';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { routesOf } from '../../support/routes.ts';

let payer: TestPayer;
let statement: CapabilityStatement;
let server: CapabilityStatementRest;
let bearer: string;

/** Types that are kept beside the records, and have rules of their own for what is written. */
const OWN = ['Task', 'Subscription'];
const VALUES: Readonly<Record<string, string>> = {
  ...{ token: 'x|y', date: 'ge2020-01-01', reference: 'Patient/none', string: 'x', uri: 'urn:x' },
  ...{ _lastUpdated: 'ge2020-01-01', _count: '5', _sort: '_id', _total: 'none', _summary: 'false', _elements: 'id' },
  ...{ origin: 'all', _id: 'none' },
};

beforeAll(async () => {
  payer = await startTestPayer(await reserveAddress(), {
    organizations: [{ resourceType: 'Organization', id: 'us', name: 'Us' }],
    ownOrganization: 'us',
  });
  statement = (await payer.ask('GET', 'metadata')).json<CapabilityStatement & Record<string, unknown>>();
  const [first] = statement.rest ?? [];
  if (first === undefined) throw new Error('the statement has no rest');
  server = first;
  bearer = await payer.token('operator', 'operator-secret-of-tests', 'system/*.cruds carryover.admin');
}, 120_000);

afterAll(() => payer.stop());

const ask = async (
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const response = await fetch(`${payer.fhirUrl}/${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json', ...headers },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
};
const records = (): readonly CapabilityStatementRestResource[] =>
  (server.resource ?? []).filter(({ type }) => !OWN.includes(type));
const isRouted = ({ status, text }: Answer): boolean => ![405, 501].includes(status) && !text.includes('No such path');

describe('what the CapabilityStatement declares', () => {
  it('are interactions that each of its types answers', async () => {
    for (const { type, interaction = [], conditionalUpdate, conditionalDelete } of records()) {
      const body = (id?: string) => JSON.stringify({ resourceType: type, ...(id !== undefined && { id }) });
      const version = (await ask('PUT', `${type}/cap`, body('cap'))).headers.get('etag')?.replace(/[W/"]/g, '');
      const calls: Readonly<Record<string, () => Promise<Answer>>> = {
        create: () => ask('POST', type, body()),
        read: () => ask('GET', `${type}/cap`),
        vread: () => ask('GET', `${type}/cap/_history/${version ?? ''}`),
        'history-instance': () => ask('GET', `${type}/cap/_history`),
        'search-type': () => ask('GET', `${type}?_id=cap`),
        update: () => ask('PUT', `${type}/cap`, JSON.stringify({ resourceType: type, id: 'cap', language: 'en' })),
        delete: () => ask('DELETE', `${type}/cap`),
      };
      for (const { code } of interaction) {
        const answer = await calls[code]?.();
        expect([type, code, answer?.status]).toEqual([type, code, { create: 201, delete: 204 }[code as string] ?? 200]);
      }
      expect([type, conditionalUpdate, conditionalDelete]).toEqual([type, true, 'single']);
      expect((await ask('PUT', `${type}?_id=other`, body('other'))).status).toBe(201);
      expect((await ask('DELETE', `${type}?_id=other`)).status).toBe(204);
    }
  });

  it('are search parameters and inclusions that are applied, all at once and strictly', async () => {
    for (const { type, searchParam = [], searchInclude = [], searchRevInclude = [] } of server.resource ?? []) {
      const query = new URLSearchParams([['_id', 'none']]);
      for (const { name, type: kind } of searchParam) query.append(name, VALUES[name] ?? VALUES[kind] ?? '');
      for (const include of searchInclude) query.append('_include', include);
      for (const include of searchRevInclude) query.append('_revinclude', include);
      const answer = await ask('GET', `${type}?${query.toString()}`, undefined, { prefer: 'handling=strict' });
      expect([type, answer.status, answer.status === 200 ? '' : answer.text]).toEqual([type, 200, '']);
    }
  });

  it('are operations that are there', async () => {
    const operations = [
      ...(server.operation ?? []).map(({ name }) => [`$${name}`]),
      ...(server.resource ?? []).flatMap(({ type, operation = [] }) =>
        operation.map(({ name }) => [`${type}/$${name}`, `${type}/none/$${name}`]),
      ),
    ];
    expect(operations.length).toBeGreaterThan(8);
    for (const paths of operations) {
      const answers = await Promise.all(paths.map((path) => ask('POST', path, '{"resourceType":"Parameters"}')));
      expect([paths, answers.some(isRouted)]).toEqual([paths, true]);
    }
  });

  it('are transaction and batch', async () => {
    expect(server.interaction?.map(({ code }) => code)).toEqual(['transaction', 'batch']);
    for (const { code } of server.interaction ?? []) {
      expect((await ask('POST', '', JSON.stringify({ resourceType: 'Bundle', type: code }))).status).toBe(200);
    }
  });

  it('has a definition for each operation, and says what it is in each role', () => {
    const operations = (statement.rest ?? []).flatMap(({ operation = [], resource = [] }) => [
      ...operation,
      ...resource.flatMap((each) => each.operation ?? []),
    ]);
    for (const { definition } of operations) expect(definition).toMatch(/^http:\/\//);
    expect(statement.rest?.map(({ mode }) => mode)).toEqual(['server', 'client']);
  });
});

describe('what is routed', () => {
  it('is declared', async () => {
    const routes = routesOf((await wireApps(payer.wiring)).fhir);
    const declared = new Set([
      ...(server.operation ?? []).map(({ name }) => `$${name}`),
      ...(server.resource ?? []).flatMap(({ type, operation = [] }) => operation.map(({ name }) => `${type}$${name}`)),
    ]);
    const operations = routes.flatMap(({ path }) => {
      const [, type = '', name] = /^\/(?:([A-Z]\w*)\/)?(?::\w+\/)?\$([\w.-]+)$/.exec(path) ?? [];
      return name === undefined ? [] : [`${type}$${name}`];
    });
    for (const operation of operations) expect(declared).toContain(operation);
    const codes: Readonly<Record<string, string>> = { GET: 'search-type', POST: 'create' };
    for (const { method, path } of routes) {
      const [, type] = /^\/([A-Z]\w*)$/.exec(path) ?? [];
      if (type === undefined || codes[method] === undefined) continue;
      const resource = server.resource?.find((each) => each.type === type);
      expect([path, resource?.interaction?.map(({ code }) => code)]).toEqual([
        path,
        expect.arrayContaining([codes[method]]),
      ]);
    }
  });

  it('is nothing else: an inclusion that is not declared is refused when handling is strict', async () => {
    for (const query of ['_include=Patient:nothing', '_revinclude=Organization:partof']) {
      const answer = await ask('GET', `Organization?_id=none&${query}`, undefined, { prefer: 'handling=strict' });
      expect([query, answer.status]).toEqual([query, 400]);
    }
  });
});
