import express from 'express';
import { createCodecRouter, tokenInPath } from '../temporal/codec-server.ts';
import { createCodec } from '../temporal/codec.ts';
import { listen } from './http-server.ts';
import type { PayerOptions } from './payer.ts';
import { wireApps } from './wire-apps.ts';
import type { Wiring } from './wiring.ts';

export async function startApis(options: PayerOptions, wiring: Wiring): Promise<void> {
  const { config, shutdown } = options;
  const { host, port, p2pPort } = config;
  const apps = await wireApps(wiring);
  const p2p = options.codecToken === undefined ? apps.p2p : withCodec(options, options.codecToken, apps.p2p);
  await shutdown.add('p2p-api', await listen(p2p, { variable: 'P2P_PORT', host, port: p2pPort }));
  await shutdown.add('fhir-api', await listen(apps.fhir, { variable: 'PORT', host, port }));
}

function withCodec({ config, secrets }: PayerOptions, token: string, p2p: express.Express): express.Express {
  const { uiPort } = config.temporal;
  const app = express();
  app.disable('x-powered-by');
  app.use(
    '/temporal-codec/:token',
    createCodecRouter({
      codec: createCodec(secrets.encryptionKeys),
      origins: [`http://127.0.0.1:${uiPort}`, `http://localhost:${uiPort}`],
      isAuthorized: tokenInPath(token),
    }),
  );
  app.use(p2p);
  return app;
}
