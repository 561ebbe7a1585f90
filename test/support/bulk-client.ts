import type { RespondingPayer } from './responding-payer.ts';

export interface Manifest {
  readonly transactionTime: string;
  readonly request: string;
  readonly requiresAccessToken: boolean;
  readonly output: readonly ManifestEntry[];
  readonly deleted?: readonly ManifestEntry[];
  readonly error: readonly ManifestEntry[];
}

interface ManifestEntry {
  readonly type: string;
  readonly url: string;
  readonly count: number;
}

export interface Resource {
  readonly resourceType: string;
  readonly id: string;
}

/** A client of the Bulk Data specification, of one partner. */
export interface BulkClient {
  get(url: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: string, headers?: Record<string, string>): Promise<Response>;
  delete(url: string): Promise<Response>;
  /** Kicks off, and answers the status URL. */
  kickOff(pathAndQuery: string): Promise<string>;
  /** Polls to the end, as often as it must. */
  complete(statusUrl: string): Promise<Response>;
  exported(pathAndQuery: string): Promise<Manifest>;
  lines(manifest: Manifest, type?: string): Promise<readonly string[]>;
  /** The resources of another list than `output`. */
  listed<T>(files: readonly { readonly url: string }[] | undefined): Promise<readonly T[]>;
}

export async function bulkClient(payer: RespondingPayer, clientId: string, scope?: string): Promise<BulkClient> {
  const authorization = `Bearer ${await payer.token(clientId, scope)}`;
  const ask = (method: string, url: string, headers: Record<string, string> = {}, body?: string): Promise<Response> =>
    fetch(url.startsWith('http') ? url : `${payer.url}/${url}`, {
      method,
      headers: { authorization, ...headers },
      ...(body !== undefined && { body }),
    });
  const client: BulkClient = {
    get: (url, headers) => ask('GET', url, headers),
    post: (path, body, headers) => ask('POST', path, { 'content-type': 'application/fhir+json', ...headers }, body),
    delete: (url) => ask('DELETE', url),
    async kickOff(pathAndQuery) {
      const answer = await client.get(pathAndQuery, { accept: 'application/fhir+json', prefer: 'respond-async' });
      if (answer.status !== 202) throw new Error(`kick-off: ${answer.status} ${await answer.text()}`);
      return answer.headers.get('content-location') ?? '';
    },
    async complete(statusUrl) {
      for (;;) {
        const answer = await client.get(statusUrl);
        if (answer.status !== 202) return answer;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async exported(pathAndQuery) {
      const answer = await client.complete(await client.kickOff(pathAndQuery));
      if (answer.status !== 200) throw new Error(`status: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Manifest;
    },
    lines: (manifest, type) =>
      linesOf(
        client,
        manifest.output.filter((file) => type === undefined || file.type === type),
      ),
    async listed<T>(files: readonly { readonly url: string }[] = []) {
      return (await linesOf(client, files)).map((line) => JSON.parse(line) as T);
    },
  };
  return client;
}

async function linesOf(client: BulkClient, files: readonly { readonly url: string }[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { url } of files) texts.push(await (await client.get(url)).text());
  return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
}

export const idsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => (JSON.parse(line) as Resource).id).sort();

/** Code of ours in an OperationOutcome. */
export async function codeOf(answer: Response): Promise<string | undefined> {
  const outcome = (await answer.json()) as { issue?: { details?: { coding?: { code?: string }[] } }[] };
  return outcome.issue?.[0]?.details?.coding?.[0]?.code;
}
