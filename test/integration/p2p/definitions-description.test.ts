import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oidcServerInput } from '../../../fhir/oidc-definitions.ts';
import type { Api } from '../../support/authorization.ts';
import { startP2pApi } from '../../support/p2p-api.ts';
import type { P2pApi } from '../../support/p2p-api.ts';
import { SECRETS } from '../../support/server-secrets.ts';

let p2p: P2pApi;
let api: Api;

beforeAll(async () => {
  p2p = await startP2pApi();
  ({ api } = p2p);
});

afterAll(() => p2p.stop());

describe('the description', () => {
  interface OpenApi {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly components: {
      readonly schemas: Readonly<Record<string, { properties: Record<string, { writeOnly?: boolean }> }>>;
    };
  }
  const read = async (): Promise<OpenApi> => (await (await fetch(`${api.p2pUrl}/openapi.json`)).json()) as OpenApi;

  it('is OpenAPI 3.1 of every route, and all its references lead somewhere', async () => {
    const document = await read();
    expect(document.openapi).toBe('3.1.0');
    const methods = Object.entries(document.paths).map(([path, item]) => [
      path,
      Object.keys(item).filter((name) => ['get', 'post', 'put', 'delete'].includes(name)),
    ]);
    expect(methods).toEqual([
      ['/api/oidc_servers', ['get', 'post']],
      ['/api/oidc_servers/{id}', ['get', 'put', 'delete']],
      ['/api/oidc_servers/{id}/preflight', ['get']],
      ['/api/oidc_clients', ['get', 'post']],
      ['/api/oidc_clients/{id}', ['get', 'put', 'delete']],
    ]);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('has the fields that the routes read, and no secret among those that they show', async () => {
    const { schemas } = (await read()).components;
    const fieldsOf = (name: string) => Object.keys(schemas[name]?.properties ?? {});
    expect(fieldsOf('OidcServerInput').sort()).toEqual(Object.keys(oidcServerInput.shape).sort());
    expect(fieldsOf('OidcServer')).not.toEqual(expect.arrayContaining(['clientSecret']));
    expect(fieldsOf('OidcServer')).toContain('pid');
    const secrets = Object.entries(schemas['OidcServerInput']?.properties ?? {}).filter(
      ([, { writeOnly }]) => writeOnly,
    );
    expect(secrets.map(([name]) => name).sort()).toEqual(Object.keys(SECRETS).sort());
  });

  it('is shown by Swagger UI from our own files alone', async () => {
    const page = await fetch(`${api.p2pUrl}/`);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => String(file));
    expect(files).toHaveLength(4);
    for (const file of files) {
      const answer = await fetch(`${api.p2pUrl}/${file}`);
      expect([file, answer.status]).toEqual([file, 200]);
      await answer.arrayBuffer();
    }
    expect((await fetch(`${api.p2pUrl}/swagger/package.json`)).status).toBe(404);
  });
});
