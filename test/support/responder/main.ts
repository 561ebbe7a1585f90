/**
 * A responder in a process of its own: `node --import tsx main.ts '<ResponderOptions as JSON>'`.
 * Prints one JSON line with its URLs. Then takes JSON lines on stdin: `{"behaviour": {…}}` changes behaviour,
 * `{"report": "requests" | "jobs"}` prints one JSON line with them.
 */
import { createInterface } from 'node:readline';
import { isRecord, parseJson } from './json.ts';
import type { ResponderOptions } from './options.ts';
import { startResponder } from './responder.ts';
import type { Responder } from './responder.ts';

const responder = await startResponder(JSON.parse(process.argv[2] ?? '{}') as ResponderOptions);
const { baseUrl, tokenEndpoint, origin, otherOrigin } = responder;
print({ baseUrl, tokenEndpoint, origin, otherOrigin, pid: process.pid });
createInterface({ input: process.stdin }).on('line', (line) => obey(responder, parseJson(line)));
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void responder.close().then(() => process.exit(0)));
}

function obey(target: Responder, command: unknown): void {
  if (!isRecord(command)) return print({ error: 'not a JSON object' });
  if (isRecord(command['behaviour'])) target.set(command['behaviour']);
  if (command['report'] === 'requests') print({ requests: target.requests });
  else if (command['report'] === 'jobs')
    print({ jobs: [...target.jobs.values()].map((job) => ({ ...job, files: job.files.length })) });
  else print({ done: true });
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
