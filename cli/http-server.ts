import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { Stoppable } from '../embedded/shutdown.ts';
import { StartError } from '../embedded/start-error.ts';

export interface ListenOptions {
  /** The variable that an operator sets the port by. */
  readonly variable: string;
  readonly host: string;
  readonly port: number;
}

/** Requests under way at a stop may go on for this long. */
const GRACE_MS = 10_000;

/**
 * Serves until it is stopped.
 *
 * @throws StartError naming the variable where the port cannot be had
 */
export async function listen(app: RequestListener, { variable, host, port }: ListenOptions): Promise<Stoppable> {
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) => {
      const why =
        err.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${String(err.code)})`;
      reject(new StartError(`${variable} ${port} on ${host} ${why}: set it to a free port.`));
    });
    server.listen(port, host, resolve);
  });
  return {
    stop: () => close(server, GRACE_MS),
    kill: () => close(server, 0),
  };
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeIdleConnections();
  const limit = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(limit);
}
