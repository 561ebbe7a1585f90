import { createHash } from 'node:crypto';
import { clientCredentialsGrant } from 'openid-client';
import type { TokenEndpointResponse } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { coversScopes, intersectScopes } from '../fhir/scopes.ts';
import type { PeerHttp } from './http.ts';
import { tokenConfiguration } from './token-configuration.ts';
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

/** A payer as one exchange reaches it. */
export type ReachedPayer = OidcServer & {
  /** Present where it is reached with the tokens that a portal gave for this exchange. */
  readonly portalExchangeId?: string;
};

export interface TokenSource {
  /**
   * A token of the payer: the cached one, or a new one; callers at the same time share one request.
   * @throws ExchangeError `token-refused`, `scope-insufficient` when nothing of what was asked for was granted;
   * `peer-busy`, `peer-unreachable`, `peer-invalid`, `host-not-allowed`
   */
  get(payer: ReachedPayer, signal?: AbortSignal): Promise<Token>;
  /** Forgets the cached token if it is still the one that was refused. */
  invalidate(payer: ReachedPayer, refused: string): Promise<void>;
}

export interface TokenSourceDeps {
  readonly cache: TokenCache;
  readonly http: PeerHttp;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** SMART: lifetime SHOULD NOT exceed it; what is assumed where the answer names none. */
const DEFAULT_LIFETIME_SECONDS = 300;
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
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
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
  const configuration = await tokenConfiguration(payer, { http, now });
  const custom = readCustomParams(payer.customTokenParams);
  try {
    const answer = await clientCredentialsGrant(configuration, { ...custom.sent, scope: payer.scopes });
    return accepted(answer, payer, custom.read, now());
  } catch (error) {
    throw tokenError(error);
  }
}

/** `name=value` goes with the request, a bare `name` is read from the answer. */
export function readCustomParams(text = ''): {
  readonly sent: Record<string, string>;
  readonly read: readonly string[];
} {
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
  const expiresAt = usedUntil(answer.expires_in ?? DEFAULT_LIFETIME_SECONDS, now);
  return { ...{ accessToken: answer.access_token, expiresAt, scope }, ...namedMember(answer, names) };
}

/** Until when a token of this lifetime is used, in epoch milliseconds. */
export function usedUntil(lifetimeSeconds: number, now: number): number {
  const lifetime = lifetimeSeconds * 1000;
  return Math.floor(now + lifetime - Math.min(RENEW_BEFORE_MS, lifetime * RENEW_BEFORE_PART));
}

/** What an answer or the claims of a token say of the member: `patient`, and the names of `customTokenParams`. */
export function namedMember(
  said: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Pick<CachedToken, 'custom' | 'patient'> {
  const custom = names.flatMap((name): [string, string][] => {
    const value = said[name];
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
  });
  const patient = said['patient'];
  return { custom: Object.fromEntries(custom), ...(typeof patient === 'string' && { patient }) };
}
