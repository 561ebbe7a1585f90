import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { StartError } from '../../embedded/start-error.ts';
import type { ApiProcess } from './api-process.ts';

const FHIR_JSON = 'application/fhir+json';
/** More often than Retry-After says: the seconds of an export are measured. Each look takes time from the payer. */
const LOOK_EVERY_MS = 100;
/** As SMART's own bulk client has it where nothing else is said. */
const DOWNLOADS = 5;
const NEWLINE = 10;

const manifest = z.object({ output: z.array(z.object({ url: z.url(), count: z.int() })) });
type Files = z.infer<typeof manifest>['output'];

export interface Written {
  readonly files: Files;
  readonly resources: number;
  readonly writeSeconds: number;
}

/** From the kick-off to the complete manifest. */
export async function writeExport(api: ApiProcess, path: string): Promise<Written> {
  const begun = performance.now();
  const files = await finished(api, await begin(api, path));
  const writeSeconds = (performance.now() - begun) / 1000;
  return { files, writeSeconds, resources: files.reduce((sum, { count }) => sum + count, 0) };
}

async function begin(api: ApiProcess, path: string): Promise<string> {
  const headers = { authorization: await api.authorization(), accept: FHIR_JSON, prefer: 'respond-async' };
  const answer = await fetch(`${api.fhirUrl}/${path}`, { headers });
  const said = await answer.text();
  if (answer.status !== 202) throw new StartError(`The export was answered ${answer.status}: ${said.slice(0, 1000)}`);
  return answer.headers.get('content-location') ?? '';
}

async function finished(api: ApiProcess, statusUrl: string): Promise<Files> {
  for (;;) {
    const answer = await fetch(statusUrl, { headers: { authorization: await api.authorization() } });
    const text = await answer.text();
    if (answer.status === 200) return manifest.parse(JSON.parse(text)).output;
    if (answer.status !== 202) throw new StartError(`The export ended ${answer.status}: ${text.slice(0, 1000)}`);
    await delay(LOOK_EVERY_MS);
  }
}

/** Seconds that it takes. */
export async function downloadAll(api: ApiProcess, files: Files, encoding: 'identity' | 'gzip'): Promise<number> {
  const begun = performance.now();
  const agent = new Agent({ keepAlive: true });
  const rest = files.values();
  const client = async (): Promise<void> => {
    for (const { url, count } of rest) {
      const headers = { authorization: await api.authorization(), 'accept-encoding': encoding };
      const lines = await linesOf(await answered(url, { agent, headers }), encoding);
      if (lines !== count) throw new StartError(`A file of the export holds ${lines} lines instead of ${count}.`);
    }
  };
  try {
    await Promise.all(Array.from({ length: DOWNLOADS }, client));
  } finally {
    agent.destroy();
  }
  return (performance.now() - begun) / 1000;
}

/** Not `fetch`, whose streams take more time of a processor than the payer that is measured beside them. */
async function answered(url: string, options: RequestOptions): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, options), 'response')) as [IncomingMessage];
  return answer;
}

async function linesOf(answer: IncomingMessage, encoding: string): Promise<number> {
  const { statusCode, headers } = answer;
  if (statusCode !== 200) throw new StartError(`A file was answered ${statusCode}.`);
  if ((headers['content-encoding'] ?? 'identity') !== encoding)
    throw new StartError(`A file did not come ${encoding}.`);
  let lines = 0;
  const counter = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
      done();
    },
  });
  await (encoding === 'gzip' ? pipeline(answer, createGunzip(), counter) : pipeline(answer, counter));
  return lines;
}
