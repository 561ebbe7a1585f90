import type { Request } from 'express';
import { bodyText } from '../body.ts';
import { runBundle } from './bundle.ts';
import { conditionalRemove, conditionalUpdate } from './conditional-write.ts';
import { history } from './history.ts';
import type { Answer, RestContext } from './interaction.ts';
import { read, vread } from './read.ts';
import { search } from './search.ts';
import { create, remove, update } from './write.ts';

type TypeInteraction =
  | 'read'
  | 'vread'
  | 'update'
  | 'delete'
  | 'history-instance'
  | 'create'
  | 'search-type'
  | 'conditional-update'
  | 'conditional-delete';
type SystemInteraction = 'transaction' | 'batch';

export interface RestRoute {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  /** What the CapabilityStatement calls it; the conditional ones are flags there. */
  readonly interactions: readonly TypeInteraction[] | readonly SystemInteraction[];
  run(context: RestContext, request: Request, of: { readonly type: string; readonly id: string }): Promise<Answer>;
}

const SEARCH = ['search-type'] as const;

/** The interactions of FHIR REST that there are: the router serves these, and the CapabilityStatement names them. */
export const REST_ROUTES: readonly RestRoute[] = [
  {
    ...{ method: 'post', path: '/', interactions: ['transaction', 'batch'] },
    run: (context, request) => runBundle(context, bodyText(request)),
  },
  {
    ...{ method: 'post', path: '/:type/_search', interactions: SEARCH },
    run: (context, request, { type }) => search(context, type, searchParameters(request)),
  },
  {
    ...{ method: 'get', path: '/:type/:id/_history/:version', interactions: ['vread'] },
    run: (context, request, { type, id }) => vread(context, type, id, String(request.params['version'])),
  },
  {
    ...{ method: 'get', path: '/:type/:id/_history', interactions: ['history-instance'] },
    run: (context, request, { type, id }) => history(context, type, id, queryOf(request)),
  },
  {
    ...{ method: 'get', path: '/:type/:id', interactions: ['read'] },
    run: (context, _request, { type, id }) => read(context, type, id),
  },
  {
    ...{ method: 'put', path: '/:type/:id', interactions: ['update'] },
    run: (context, request, { type, id }) => update(context, type, id, bodyText(request), request.get('If-Match')),
  },
  {
    ...{ method: 'delete', path: '/:type/:id', interactions: ['delete'] },
    run: (context, request, { type, id }) => remove(context, type, id, request.get('If-Match')),
  },
  {
    ...{ method: 'get', path: '/:type', interactions: SEARCH },
    run: (context, request, { type }) => search(context, type, queryOf(request)),
  },
  {
    ...{ method: 'post', path: '/:type', interactions: ['create'] },
    run: (context, request, { type }) => create(context, type, bodyText(request), request.get('If-None-Exist')),
  },
  {
    ...{ method: 'put', path: '/:type', interactions: ['conditional-update'] },
    run: (context, request, { type }) =>
      conditionalUpdate(context, type, queryOf(request).toString(), bodyText(request), request.get('If-Match')),
  },
  {
    ...{ method: 'delete', path: '/:type', interactions: ['conditional-delete'] },
    run: (context, request, { type }) => conditionalRemove(context, type, queryOf(request).toString()),
  },
];

function queryOf({ originalUrl }: Request): URLSearchParams {
  const question = originalUrl.indexOf('?');
  return new URLSearchParams(question === -1 ? '' : originalUrl.slice(question + 1));
}

/** Of the URL, and of the form that is posted. */
function searchParameters(request: Request): URLSearchParams {
  const parameters = queryOf(request);
  const body: unknown = request.body;
  const form = new URLSearchParams(typeof body === 'string' ? body : '');
  for (const [name, value] of form) parameters.append(name, value);
  return parameters;
}
