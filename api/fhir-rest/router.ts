import { Router } from 'express';
import type { NextFunction, Request, Response } from 'express';
import { isFhirId } from '../../fhir/identifiers.ts';
import { callerOfRequest } from '../auth.ts';
import { sendText } from '../outcome.ts';
import { accessOf, entityTag, readPreferences } from './interaction.ts';
import type { Answer, RestDeps } from './interaction.ts';
import { REST_TYPES } from './rest-types.ts';
import { REST_ROUTES } from './routes.ts';
import type { RestRoute } from './routes.ts';

/**
 * The FHIR REST interactions below the base URL: mounted behind authentication and behind all routes that serve a type or
 * an operation in a way of their own. Errors go to the app's error handler.
 */
export function createFhirRestRouter(deps: RestDeps): Router {
  const router = Router({ caseSensitive: true });
  for (const route of REST_ROUTES) router[route.method](route.path, handler(deps, route));
  return router;
}

function handler(deps: RestDeps, { run }: RestRoute) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const { type = '', id = '' } = request.params as { readonly type?: string; readonly id?: string };
    // An operation, or a path of somebody else.
    if ((type !== '' && !REST_TYPES.has(type)) || (id !== '' && !isFhirId(id))) {
      next();
      return;
    }
    const context = {
      ...{ store: deps.store, baseUrl: deps.baseUrl },
      access: accessOf(callerOfRequest(response), deps.visibility),
      prefer: readPreferences(request.get('Prefer')),
    };
    sendAnswer(request, response, deps.baseUrl, await run(context, request, { type, id }));
  };
}

function sendAnswer(request: Request, response: Response, baseUrl: string, answer: Answer): void {
  if (answer.versionId !== undefined) response.set('ETag', entityTag(answer.versionId));
  if (answer.lastUpdated !== undefined) response.set('Last-Modified', new Date(answer.lastUpdated).toUTCString());
  if (answer.location !== undefined) response.set('Location', `${baseUrl}/${answer.location}`);
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  if (isReading && isKnown(request, answer)) response.status(304).end();
  else if (answer.text === undefined) response.status(answer.status).end();
  else sendText(response, answer.status, answer.text);
}

/** `If-None-Match` beats `If-Modified-Since` (RFC 9110, 13.2.2). */
function isKnown(request: Request, { versionId, lastUpdated }: Answer): boolean {
  if (versionId === undefined) return false;
  const tags = request.get('If-None-Match');
  if (tags !== undefined) {
    return tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${versionId}"`);
  }
  const since = Date.parse(request.get('If-Modified-Since') ?? '');
  // Such a date has no fractions of a second.
  return lastUpdated !== undefined && Math.floor(Date.parse(lastUpdated) / 1000) * 1000 <= since;
}
