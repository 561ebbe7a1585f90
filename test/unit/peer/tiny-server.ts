import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { oidcServerInput } from '../../../fhir/oidc-definitions.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (request: Seen, response: ServerResponse) => void;

export interface TinyServer {
  readonly url: string;
  /** `host:port` */
  readonly place: string;
  readonly seen: Seen[];
  close(): Promise<void>;
}

export async function tinyServer(answer: Answer): Promise<TinyServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    place: `127.0.0.1:${port}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function payerAt(url: string, more: Record<string, unknown> = {}): OidcServer {
  const defaults = {
    name: 'Old payer',
    issuer: url,
    clientId: 'new-payer',
    clientSecret: 's3cret',
    fhirEndpoint: `${url}/fhir`,
  };
  return { ...oidcServerInput.parse({ ...defaults, ...more }), pid: 1 };
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error,
  );
}
