import { Router } from 'express';
import type { NextFunction, Request, Response } from 'express';
import { isFhirId } from '../../fhir/identifiers.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { callerOfRequest } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendText } from '../outcome.ts';
import { runBundle } from './bundle.ts';
import { accessOf, entityTag, readPreferences } from './interaction.ts';
import type { Answer, RestContext, RestDeps } from './interaction.ts';
import { history, read, vread } from './read.ts';
import { search } from './search.ts';
import { create, remove, update } from './write.ts';

type Interaction = (context: RestContext, request: Request, of: { type: string; id: string }) => Promise<Answer>;

/**
 * The FHIR REST interactions below the base URL: mounted behind authentication and behind all routes that serve a type or
 * an operation in a way of their own. Errors go to the app's error handler.
 */
export function createFhirRestRouter(deps: RestDeps): Router {
  const router = Router({ caseSensitive: true });
  const on = (interaction: Interaction) => handler(deps, interaction);
  router.post(
    '/',
    on((context, request) => runBundle(context, bodyText(request))),
  );
  router.post(
    '/:type/_search',
    on((context, request, { type }) => search(context, type, searchParameters(request))),
  );
  router.get(
    '/:type/:id/_history/:version',
    on((context, request, { type, id }) => vread(context, type, id, String(request.params['version']))),
  );
  router.get(
    '/:type/:id/_history',
    on((context, _request, { type, id }) => history(context, type, id)),
  );
  router.get(
    '/:type/:id',
    on((context, _request, { type, id }) => read(context, type, id)),
  );
  router.put(
    '/:type/:id',
    on((context, request, { type, id }) => update(context, type, id, bodyText(request), request.get('If-Match'))),
  );
  router.delete(
    '/:type/:id',
    on((context, request, { type, id }) => remove(context, type, id, request.get('If-Match'))),
  );
  router.get(
    '/:type',
    on((context, request, { type }) => search(context, type, searchParameters(request))),
  );
  router.post(
    '/:type',
    on((context, request, { type }) => create(context, type, bodyText(request), request.get('If-None-Exist'))),
  );
  return router;
}

function handler(deps: RestDeps, interaction: Interaction) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const { type = '', id = '' } = request.params as { readonly type?: string; readonly id?: string };
    // An operation, or a path of somebody else.
    if ((type !== '' && !isResourceType(type)) || (id !== '' && !isFhirId(id))) {
      next();
      return;
    }
    const prefer = readPreferences(request.get('Prefer'));
    const context = {
      store: deps.store,
      baseUrl: deps.baseUrl,
      access: accessOf(callerOfRequest(response), deps.show),
      prefer,
    };
    send(request, response, deps.baseUrl, await interaction(context, request, { type, id }));
  };
}

function send(request: Request, response: Response, baseUrl: string, answer: Answer): void {
  if (answer.versionId !== undefined) response.set('ETag', entityTag(answer.versionId));
  if (answer.lastUpdated !== undefined) response.set('Last-Modified', new Date(answer.lastUpdated).toUTCString());
  if (answer.location !== undefined) response.set('Location', `${baseUrl}/${answer.location}`);
  if (request.method === 'GET' && answer.versionId !== undefined && isKnown(request, answer.versionId)) {
    response.status(304).end();
    return;
  }
  if (answer.text === undefined) response.status(answer.status).end();
  else sendText(response, answer.status, answer.text);
}

function isKnown(request: Request, versionId: string): boolean {
  const tags = (request.get('If-None-Match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(`"${versionId}"`);
}

/** Of the URL, and of the form that is posted. */
function searchParameters(request: Request): URLSearchParams {
  const [, query = ''] = request.originalUrl.split('?', 2);
  const parameters = new URLSearchParams(query);
  const body: unknown = request.body;
  const form = new URLSearchParams(request.method === 'POST' && typeof body === 'string' ? body : '');
  for (const [name, value] of form) parameters.append(name, value);
  return parameters;
}
