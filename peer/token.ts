import { createHash } from 'node:crypto';
import { allowInsecureRequests, clientCredentialsGrant, Configuration, customFetch } from 'openid-client';
import type { CustomFetch, TokenEndpointResponse } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { coversScopes, intersectScopes } from '../fhir/scopes.ts';
import { readRefusal, readText, refusalError } from './answer.ts';
import { clientAuthentication } from './client-authentication.ts';
import { findTokenEndpoint } from './discovery.ts';
import type { PeerHttp } from './http.ts';
import { tokenError } from './token-error.ts';

export interface CachedToken {
  readonly accessToken: string;
  /** Until when it is used, in epoch milliseconds; the token itself lives a little longer. */
  readonly expiresAt: number;
  /** As granted. */
  readonly scope: string;
  /** Values of the answer that `customTokenParams` asks for, by name. */
  readonly custom: Readonly<Record<string, string>>;
  /** The one Patient that it reaches, where the answer names one (SMART launch context). */
  readonly patient?: string | undefined;
}

/** Where tokens are kept between processes; whoever implements it encrypts. */
export interface TokenCache {
  get(key: string): Promise<CachedToken | undefined>;
  set(key: string, token: CachedToken): Promise<void>;
  delete(key: string): Promise<void>;
}

export interface Token extends CachedToken {
  /** The responding payer granted less than was asked for. */
  readonly narrowed: boolean;
}

export interface TokenSource {
  /**
   * A token of the payer: the cached one, or a new one; callers at the same time share one request.
   * @throws ExchangeError `token-refused`, `scope-insufficient` when nothing of what was asked for was granted;
   * `peer-busy`, `peer-unreachable`, `peer-invalid`, `host-not-allowed`
   */
  get(payer: OidcServer, signal?: AbortSignal): Promise<Token>;
  /** Forgets the cached token if it is still the one that was refused. */
  invalidate(payer: OidcServer, refused: string): Promise<void>;
}

export interface TokenSourceDeps {
  readonly cache: TokenCache;
  readonly http: PeerHttp;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** SMART: lifetime SHOULD NOT exceed it; what is assumed where the answer names none. */
const DEFAULT_LIFETIME_MS = 300_000;
const RENEW_BEFORE_MS = 30_000;
/** Of the lifetime, where that is less: a token of ten seconds is still used for nine. */
const RENEW_BEFORE_PART = 0.1;

export function createTokenSource(deps: TokenSourceDeps): TokenSource {
  const flights = new Map<string, Promise<CachedToken>>();
  const requested = async (payer: OidcServer, key: string): Promise<CachedToken> => {
    const cached = await deps.cache.get(key);
    if (cached !== undefined && cached.expiresAt > deps.now()) return cached;
    const token = await requestToken(payer, deps);
    await deps.cache.set(key, token);
    return token;
  };
  return {
    get: async (payer, signal) => {
      const key = cacheKey(payer);
      const flight = flights.get(key) ?? requested(payer, key).finally(() => flights.delete(key));
      flights.set(key, flight);
      const token = await unlessAborted(flight, signal);
      return { ...token, narrowed: !coversScopes(token.scope, payer.scopes) };
    },
    invalidate: async (payer, refused) => {
      const key = cacheKey(payer);
      const cached = await deps.cache.get(key);
      if (cached?.accessToken === refused) await deps.cache.delete(key);
    },
  };
}

/** A changed definition gets a token of its own. */
function cacheKey(payer: OidcServer): string {
  const { issuer, clientId, scopes, fhirEndpoint, tokenEndpoint, authWellKnown, customTokenParams } = payer;
  const parts = [issuer, clientId, scopes, fhirEndpoint, tokenEndpoint, authWellKnown, customTokenParams];
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  return `${payer.pid}/${hash}`;
}

/** One caller's end is not the end of the request that others wait for too. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function requestToken(payer: OidcServer, { http, now }: TokenSourceDeps): Promise<CachedToken> {
  const endpoint = await findTokenEndpoint(http, payer, now);
  const authentication = await clientAuthentication(payer, endpoint);
  const server = { issuer: payer.issuer, token_endpoint: endpoint.url };
  const configuration = new Configuration(server, payer.clientId, undefined, authentication);
  configuration[customFetch] = fetchThrough(http, payer, now);
  if (new URL(payer.fhirEndpoint).protocol === 'http:') allowInsecureRequests(configuration);
  const custom = readCustomParams(payer.customTokenParams);
  try {
    const answer = await clientCredentialsGrant(configuration, { ...custom.sent, scope: payer.scopes });
    return accepted(answer, payer, custom.read, now());
  } catch (error) {
    throw tokenError(error);
  }
}

/** `name=value` goes with the request, a bare `name` is read from the answer. */
function readCustomParams(text = ''): { readonly sent: Record<string, string>; readonly read: readonly string[] } {
  const entries = text.split(',').map((entry) => entry.trim());
  const pairs = entries.filter((entry) => entry.includes('='));
  return {
    sent: Object.fromEntries(pairs.map((pair) => splitAt(pair, pair.indexOf('=')))),
    read: entries.filter((entry) => entry !== '' && !entry.includes('=')),
  };
}

function splitAt(text: string, index: number): readonly [string, string] {
  return [text.slice(0, index).trim(), text.slice(index + 1).trim()];
}

function accepted(
  answer: TokenEndpointResponse,
  payer: OidcServer,
  names: readonly string[],
  now: number,
): CachedToken {
  if (answer.token_type !== 'bearer')
    throw new ExchangeError('peer-invalid', { detail: 'the token is no bearer token' });
  // RFC 6749, 5.1: no scope in the answer means the one that was asked for.
  const scope = answer.scope ? answer.scope : payer.scopes;
  if (payer.scopes.trim() !== '' && intersectScopes(payer.scopes, scope) === '') {
    throw new ExchangeError('scope-insufficient', { detail: `asked for ${payer.scopes}, granted ${scope}` });
  }
  const lifetime = answer.expires_in === undefined ? DEFAULT_LIFETIME_MS : answer.expires_in * 1000;
  const renewBefore = Math.min(RENEW_BEFORE_MS, lifetime * RENEW_BEFORE_PART);
  const custom = names.flatMap((name): [string, string][] => {
    const value: unknown = answer[name];
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
  });
  const expiresAt = Math.floor(now + lifetime - renewBefore);
  const patient: unknown = answer['patient'];
  return {
    ...{ accessToken: answer.access_token, expiresAt, scope, custom: Object.fromEntries(custom) },
    ...(typeof patient === 'string' && { patient }),
  };
}

/** Lets the library send its request by our way out; what may pass is told apart before it looks at the answer. */
function fetchThrough(http: PeerHttp, payer: OidcServer, now: () => number): CustomFetch {
  return async (url, { method, headers, body }) => {
    const response = await http.fetch(payer, {
      method: method === 'POST' ? 'POST' : 'GET',
      url,
      headers: { ...headers, accept: 'application/json' },
      ...(body !== undefined && body !== null && { body: bodyOf(body) }),
      purpose: 'authorization',
    });
    if (response.status >= 500 || response.status === 429 || response.status === 408) {
      throw refusalError(await readRefusal(response, now()), 'token-refused');
    }
    const text = await readText(response);
    const kept = ['content-type', 'www-authenticate'].flatMap((name) => {
      const value = response.header(name);
      return value === undefined ? [] : [[name, value] satisfies [string, string]];
    });
    return new Response(text === '' ? null : text, { status: response.status, headers: kept });
  };
}

/** The library posts forms. */
function bodyOf(body: NonNullable<Parameters<CustomFetch>[1]['body']>): string {
  return body instanceof URLSearchParams ? body.toString() : typeof body === 'string' ? body : '';
}
