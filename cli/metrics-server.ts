import express from 'express';
import type { Config } from '../config.ts';
import type { Stoppable } from '../embedded/shutdown.ts';
import { listen } from './http-server.ts';

/** One part's metrics in the text form of Prometheus. */
export type MetricsSource = () => Promise<string>;

/** `GET /metrics`: what all parts of this process count, on one page. */
export async function startMetricsServer(
  config: Config,
  port: number,
  sources: readonly MetricsSource[],
): Promise<Stoppable> {
  const app = express();
  app.disable('x-powered-by');
  app.get('/metrics', async (_request, response) => {
    const texts = await Promise.all(sources.map((source) => source()));
    response.type('text/plain; version=0.0.4').send(texts.join('\n'));
  });
  return listen(app, { variable: 'METRICS_PORT', host: config.host, port });
}

/** What the Temporal SDK serves by itself on a port of its own. */
export function sdkMetrics(address: string): MetricsSource {
  return async () => {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(5000) });
    return answer.text();
  };
}
