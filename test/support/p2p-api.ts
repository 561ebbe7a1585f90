import { operatorToken, startApi } from './authorization.ts';
import type { Api } from './authorization.ts';
import { createTestDatabase } from './environment.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Empty unless the answer is an error. */
  readonly error: { readonly code?: string; readonly field?: string };
}

/** The P2P API of one process, on a database of its own. */
export interface P2pApi {
  readonly api: Api;
  readonly databaseUrl: string;
  /** One request, as the operator unless a token is given. */
  ask(method: string, path: string, json?: unknown, bearer?: string): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startP2pApi(): Promise<P2pApi> {
  const database = await createTestDatabase();
  const api = await startApi({ databaseUrl: database.url });
  const token = await operatorToken(api);
  return {
    ...{ api, databaseUrl: database.url },
    async ask(method, path, json, bearer = token) {
      return answerOf(
        await fetch(`${api.p2pUrl}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${bearer}`,
            ...(json !== undefined && { 'content-type': 'application/json' }),
          },
          ...(json !== undefined && { body: typeof json === 'string' ? json : JSON.stringify(json) }),
        }),
      );
    },
    async stop() {
      await api.stop();
      await database.drop();
    },
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = text === '' ? {} : (JSON.parse(text) as Answer['body']);
  return {
    status: response.status,
    headers: response.headers,
    ...{ text, body, error: body['error'] ?? {} },
  };
}
