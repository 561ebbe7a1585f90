import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import { once } from 'node:events';
import type { Task } from 'fhir/r4.js';
import { freePort } from '../../embedded/free-port.ts';

export interface ReceivedEvent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What was answered. */
  readonly status: number;
}

/** A receiver of events of Subscriptions, written from R4's text on rest-hook. */
export interface HookReceiver {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly url: string;
  readonly events: readonly ReceivedEvent[];
  /** What the next requests are answered, one after the other; then 200. `undefined`: nothing, and the line stays open. */
  answer(...statuses: (number | undefined)[]): void;
  /** Statuses of the Tasks that were taken, those of one Task. */
  taken(taskId: string): string[];
  close(): Promise<void>;
  open(): Promise<void>;
}

export async function startHookReceiver(): Promise<HookReceiver> {
  const port = await freePort();
  const events: ReceivedEvent[] = [];
  const statuses: (number | undefined)[] = [];
  let server: Server | undefined;
  const receiver: HookReceiver = {
    ...{ host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, events },
    answer: (...next) => void statuses.push(...next),
    taken: (taskId) =>
      events
        .filter(({ status, path }) => status === 200 && path.endsWith(`/Task/${taskId}`))
        .map(({ body }) => (JSON.parse(body) as Task).status),
    async open() {
      server = createServer((req, res) => {
        const chunks: Buffer[] = [];
        req.on('data', (chunk: Buffer) => chunks.push(chunk));
        req.on('end', () => {
          const status = statuses.length === 0 ? 200 : statuses.shift();
          const { method = '', url = '', headers } = req;
          events.push({
            method,
            path: url,
            headers,
            body: Buffer.concat(chunks).toString('utf8'),
            status: status ?? 0,
          });
          if (status !== undefined) res.writeHead(status).end();
        });
      });
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      if (server?.listening !== true) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  await receiver.open();
  return receiver;
}
