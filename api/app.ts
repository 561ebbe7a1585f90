import express from 'express';
import type { RequestHandler, Router } from 'express';
import { readBody } from './body.ts';
import { notFound } from './not-found.ts';
import { outcomeHandler } from './outcome.ts';
import type { ErrorLog } from './outcome.ts';
import { requestId } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';

export interface FhirAppDeps {
  /** At the root: the authorization server, which reads its own bodies. */
  readonly authorizationServer: RequestHandler;
  /** Below `/fhir`, without a token: metadata and SMART configuration. */
  readonly open: readonly Router[];
  readonly authenticate: RequestHandler;
  /** Below `/fhir`, behind a token; the first that knows a path answers. */
  readonly protected: readonly Router[];
  readonly log: ErrorLog;
}

/** The FHIR API of one payer: `PUBLIC_URL/fhir`, and the authorization server beside it. */
export function createFhirApp(deps: FhirAppDeps): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestId, securityHeaders);
  app.use(deps.authorizationServer);
  const fhir = express.Router();
  for (const router of deps.open) fhir.use(router);
  fhir.use(deps.authenticate, ...readBody());
  for (const router of deps.protected) fhir.use(router);
  app.use('/fhir', fhir);
  app.use(notFound, outcomeHandler(deps.log));
  return app;
}
