import { refreshTokenGrant } from 'openid-client';
import type { Configuration } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { findAuthorizationServer, memberConfiguration } from './authorization-server.ts';
import { checkAccessToken } from './portal-token-check.ts';
import { tokenConfiguration } from './token-configuration.ts';
import type { ConfigurationDeps } from './token-configuration.ts';
import { namedMember, readCustomParams, unlessAborted, usedUntil } from './token.ts';
import type { ReachedPayer, Token, TokenSource } from './token.ts';
import { tokenError } from './token-error.ts';

/** What a portal gave for one exchange, and what became known of it. */
export interface PortalTokens {
  /** Absent: none was given, or it was refused. */
  readonly accessToken?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** Epoch milliseconds; absent: until it is refused. */
  readonly expiresAt?: number | undefined;
  readonly scope?: string | undefined;
  readonly patient?: string | undefined;
  readonly custom?: Readonly<Record<string, string>> | undefined;
  readonly checked?: boolean | undefined;
}

interface Held {
  readonly tokens: PortalTokens;
  readonly version: number;
}

/** Where they are kept while the exchange runs; whoever implements it encrypts. */
export interface PortalTokenStore {
  read(exchangeId: string): Promise<Held | undefined>;
  /** False where they have changed since that version, or are gone. */
  replace(exchangeId: string, version: number, tokens: PortalTokens): Promise<boolean>;
  /** True for the one process that may refresh this version now, until it replaces or releases it or its time is over. */
  claim(exchangeId: string, version: number, until: Date): Promise<boolean>;
  release(exchangeId: string, version: number): Promise<void>;
}

export interface PortalTokenDeps extends ConfigurationDeps {
  readonly store: PortalTokenStore;
  /** For exchanges that a portal gave nothing for. */
  readonly own: TokenSource;
}

/** Longer than a request for a token may take. */
const CLAIM_MS = 180_000;
const ASK_AGAIN_MS = 1000;
/** An access token without a known end is tried until it is refused; so far ahead is never. */
const UNKNOWN_END = Number.MAX_SAFE_INTEGER;

/** Tokens of exchanges: a portal's where it gave some, refreshed for that exchange alone, else our own. */
export function createExchangeTokens(deps: PortalTokenDeps): TokenSource {
  const { own, store } = deps;
  const flights = new Map<string, Promise<PortalTokens>>();
  return {
    get: async (payer, signal) => {
      const { portalExchangeId: id } = payer;
      if (id === undefined) return own.get(payer, signal);
      const flight = flights.get(id) ?? usable(payer, id, deps).finally(() => flights.delete(id));
      flights.set(id, flight);
      return tokenOf(await unlessAborted(flight, signal));
    },
    invalidate: async (payer, refused) => {
      const { portalExchangeId: id } = payer;
      if (id === undefined) return own.invalidate(payer, refused);
      const held = await store.read(id);
      if (held?.tokens.accessToken !== refused) return;
      await store.replace(id, held.version, { ...held.tokens, accessToken: undefined, expiresAt: undefined });
    },
  };
}

/** The portal's access token, checked once, or what its refresh token brings. */
async function usable(payer: ReachedPayer, id: string, deps: PortalTokenDeps): Promise<PortalTokens> {
  const held = await deps.store.read(id);
  if (held === undefined) throw refused('the tokens of the portal are gone: the exchange has ended');
  const { accessToken, expiresAt = UNKNOWN_END, checked, refreshToken } = held.tokens;
  const isUsable = accessToken !== undefined && expiresAt > deps.now();
  if (isUsable && checked === true) return held.tokens;
  if (!isUsable && refreshToken === undefined) throw refused('the token of the portal is over, and none to refresh it');
  if (!isUsable) return refreshed(payer, id, held, deps);
  try {
    const facts = await checkAccessToken(payer, accessToken, deps);
    const tokens = { ...held.tokens, ...facts, checked: true };
    await deps.store.replace(id, held.version, tokens);
    return tokens;
  } catch (error) {
    const isOver = error instanceof ExchangeError && error.code === 'token-refused' && refreshToken !== undefined;
    if (!isOver) throw error;
    return refreshed(payer, id, held, deps);
  }
}

/** A refresh token may be good for one use: one process uses it, and the others find what it brought. */
async function refreshed(payer: OidcServer, id: string, held: Held, deps: PortalTokenDeps): Promise<PortalTokens> {
  const { store, now } = deps;
  if (!(await store.claim(id, held.version, new Date(now() + CLAIM_MS)))) {
    throw new ExchangeError('peer-busy', { detail: 'another process refreshes', retryAfterMs: ASK_AGAIN_MS });
  }
  try {
    const tokens = await requestRefresh(payer, held.tokens, deps);
    await store.replace(id, held.version, tokens);
    return tokens;
  } catch (error) {
    await store.release(id, held.version);
    throw error;
  }
}

async function requestRefresh(payer: OidcServer, held: PortalTokens, deps: PortalTokenDeps): Promise<PortalTokens> {
  const { refreshToken } = held;
  if (refreshToken === undefined) throw refused('no token to refresh it');
  const configuration = await refreshConfiguration(payer, deps);
  try {
    const { id_token: _notNeeded, ...answer } = await refreshTokenGrant(configuration, refreshToken);
    if (answer.token_type !== 'bearer')
      throw new ExchangeError('peer-invalid', { detail: 'the token is no bearer token' });
    const member = namedMember(answer, readCustomParams(payer.customTokenParams).read);
    return {
      ...held,
      accessToken: answer.access_token,
      // RFC 6749, section 6: without a new one the old one stays good.
      refreshToken: answer.refresh_token ?? refreshToken,
      expiresAt: answer.expires_in === undefined ? undefined : usedUntil(answer.expires_in, deps.now()),
      ...(answer.scope !== undefined && { scope: answer.scope }),
      ...(member.patient !== undefined && { patient: member.patient }),
      custom: { ...held.custom, ...member.custom },
      // It came from the token endpoint itself.
      checked: true,
    };
  } catch (error) {
    throw tokenError(error, [refreshToken]);
  }
}

/** Where members sign in, and nowhere else, unless the definition says so. */
async function refreshConfiguration(payer: OidcServer, deps: PortalTokenDeps): Promise<Configuration> {
  if (payer.tokenEndpoint !== undefined) return tokenConfiguration(payer, deps);
  const server = await findAuthorizationServer(payer, deps);
  return server.token_endpoint === undefined
    ? tokenConfiguration(payer, deps)
    : memberConfiguration(payer, server, deps);
}

function tokenOf({ accessToken = '', expiresAt = UNKNOWN_END, scope = '', custom = {}, patient }: PortalTokens): Token {
  return { accessToken, expiresAt, scope, custom, narrowed: false, ...(patient !== undefined && { patient }) };
}

function refused(detail: string): ExchangeError {
  return new ExchangeError('token-refused', { detail });
}
