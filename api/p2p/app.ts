import express from 'express';
import type { RequestHandler, Router } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { requireOperator } from '../auth.ts';
import { readBody } from '../body.ts';
import type { ErrorLog } from '../outcome.ts';
import { requestId } from '../request-id.ts';
import { securityHeaders } from '../security-headers.ts';
import { openApi } from './openapi.ts';
import { p2pErrorHandler } from './p2p-error.ts';
import type { P2pPart } from './part.ts';
import { swaggerPageRouter } from './swagger-page.ts';

export interface P2pAppDeps {
  readonly authenticate: RequestHandler;
  readonly parts: readonly P2pPart[];
  /** Routes that check their callers in a way of their own. */
  readonly open: readonly Router[];
  readonly version: string;
  readonly tokenEndpoint: string;
  readonly log: ErrorLog;
}

/** The operator's API, on a port of its own. */
export function createP2pApp(deps: P2pAppDeps): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestId, securityHeaders);
  app.use(swaggerPageRouter(openApi(deps)));
  for (const router of deps.open) app.use(router);
  app.use('/api', deps.authenticate, requireOperator, ...readBody());
  for (const { router } of deps.parts) app.use(router);
  app.use(() => {
    throw new ExchangeError('not-found', { diagnostics: 'No such path, or not with this method.' });
  });
  app.use(p2pErrorHandler(deps.log));
  return app;
}
