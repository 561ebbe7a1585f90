import type { RequestHandler } from 'express';
import { ExchangeError } from '../fhir/errors.ts';
import { isResourceType } from '../fhir/resource-types.ts';
import { REST_TYPES } from './fhir-rest/rest-types.ts';

/** What a path knows, for one that a request came to with another method. */
const TYPE_METHODS = 'GET, HEAD, POST';
const RECORD_METHODS = 'GET, HEAD, POST, PUT, DELETE';
const INSTANCE_METHODS = 'GET, HEAD, PUT, DELETE';

/**
 * Behind all routes: a FHIR path that other methods know is 405, anything else 404.
 * @throws ExchangeError always
 */
export const notFound: RequestHandler = (req, res) => {
  const allowed = methodsOf(req.path, req.method);
  if (allowed === undefined) throw new ExchangeError('not-found', { diagnostics: 'No such path.' });
  res.setHeader('Allow', allowed);
  throw new ExchangeError('method-not-allowed', { diagnostics: `Allowed: ${allowed}.` });
};

function methodsOf(path: string, method: string): string | undefined {
  const [base, type, id, ...more] = path.split('/').slice(1);
  const known = FIXED_PATHS[path] ?? (base === 'fhir' && more.length === 0 ? methodsOfResource(type, id) : undefined);
  return known?.split(', ').includes(method) === true ? undefined : known;
}

function methodsOfResource(type: string | undefined, id: string | undefined): string | undefined {
  if (type === 'metadata' && id === undefined) return 'GET, HEAD';
  if (type === undefined || !isResourceType(type)) return undefined;
  if (id === undefined || id === '') return REST_TYPES.has(type) ? RECORD_METHODS : TYPE_METHODS;
  return /^[A-Za-z0-9\-.]{1,64}$/.test(id) ? INSTANCE_METHODS : undefined;
}

const FIXED_PATHS: Readonly<Record<string, string>> = {
  '/fhir': 'POST',
  '/fhir/': 'POST',
  '/fhir/.well-known/smart-configuration': 'GET, HEAD',
  '/oauth/token': 'POST',
  '/oauth/jwks': 'GET, HEAD',
};
