import { createRequire } from 'node:module';
import path from 'node:path';
import { Router } from 'express';

const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** The bundle sets styles on elements and draws its icons from `data:` URLs; nothing comes from elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

// Relative addresses: a proxy may serve the page below a path.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Carryover P2P API</title>
    <link rel="icon" type="image/png" href="swagger/favicon-32x32.png">
    <link rel="stylesheet" href="swagger/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="swagger/swagger-ui-bundle.js"></script>
    <script src="swagger/start.js"></script>
  </body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;

/** Swagger UI at `/`, open: what it shows is no secret, what it calls needs a token. */
export function swaggerPageRouter(openApiDocument: object): Router {
  const root = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const router = Router();
  router.get('/openapi.json', (_req, res) => {
    res.json(openApiDocument);
  });
  router.get('/', (_req, res) => {
    res.setHeader('Content-Security-Policy', POLICY);
    res.type('html').send(PAGE);
  });
  router.get('/swagger/start.js', (_req, res) => {
    res.type('js').send(START);
  });
  router.get('/swagger/:file', (req, res, next) => {
    const { file } = req.params;
    if (ASSETS.includes(file))
      res.sendFile(file, { root, cacheControl: false, headers: { 'Cache-Control': 'max-age=3600' } });
    else next();
  });
  return router;
}
