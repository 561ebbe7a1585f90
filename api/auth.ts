import type { Request, RequestHandler, Response } from 'express';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcClient } from '../fhir/oidc-definitions.ts';
import { coversScopes, intersectScopes } from '../fhir/scopes.ts';

/** Who asks: the operator of this payer, or another payer. */
export type Caller =
  | { readonly kind: 'operator'; readonly clientId: string; readonly scope: string }
  | {
      readonly kind: 'partner';
      readonly clientId: string;
      readonly clientPid: number;
      readonly organizationId: string | undefined;
      /** How `$member-match` names the member to it. */
      readonly matchAnswer: OidcClient['matchAnswer'];
      readonly scope: string;
    };

export interface AuthDeps {
  /** `PUBLIC_URL`, exactly. */
  readonly issuer: string;
  /** `PUBLIC_URL/fhir`. */
  readonly audience: string;
  readonly operatorClientId: string;
  readonly publicKeys: JSONWebKeySet;
  readonly client: (clientId: string) => Promise<OidcClient | undefined>;
}

const OPERATOR_SCOPE = 'carryover.admin';
const ALGORITHMS = ['ES384', 'RS384'] as const;

const claims = z.looseObject({ client_id: z.string(), scope: z.string().default('') });

/**
 * Puts the caller of a valid bearer token into `res.locals`. The client is read anew at each request, so that one that was
 * disabled is out at once, whatever its token says.
 */
export function authenticate(deps: AuthDeps): RequestHandler {
  // Once: a key is imported for the first token that it signed, and not for each.
  const keys = createLocalJWKSet(deps.publicKeys);
  return async (req, res, next) => {
    const [, token] = /^Bearer +([^\s]+)$/i.exec(req.headers.authorization ?? '') ?? [];
    if (token === undefined) throw new ExchangeError('unauthenticated');
    // RFC 6750, 3.1: only where a token was sent.
    res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
    const { client_id: clientId, scope } = await verified(token, keys, deps);
    setCaller(res, await callerOf(clientId, scope, deps));
    res.removeHeader('WWW-Authenticate');
    next();
  };
}

async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audience }: AuthDeps,
): Promise<z.infer<typeof claims>> {
  try {
    const options = { issuer, audience, algorithms: [...ALGORITHMS], requiredClaims: ['exp'] };
    const { payload } = await jwtVerify(token, keys, options);
    return claims.parse(payload);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) throw new ExchangeError('unauthenticated');
    throw error;
  }
}

async function callerOf(clientId: string, scope: string, deps: AuthDeps): Promise<Caller> {
  if (clientId === deps.operatorClientId) return { kind: 'operator', clientId, scope };
  const client = await deps.client(clientId);
  if (client === undefined || !client.enabled) throw new ExchangeError('unauthenticated');
  // What was taken from the client since the token was given is out at once, too.
  const left = intersectScopes(scope, client.scopes);
  const { pid: clientPid, organizationId, matchAnswer } = client;
  return { kind: 'partner', clientId, clientPid, organizationId, matchAnswer, scope: left };
}

interface CallerLocals {
  caller?: Caller;
}

function setCaller(res: Response, caller: Caller): void {
  (res.locals as CallerLocals).caller = caller;
}

/** @throws ExchangeError `unauthenticated` on a route that nobody put behind `authenticate` */
export function callerOfRequest(res: Response): Caller {
  const { caller } = res.locals as CallerLocals;
  if (caller === undefined) throw new ExchangeError('unauthenticated');
  return caller;
}

const has = (caller: Caller, scope: string): boolean => caller.scope.split(' ').includes(scope);

export const isOperator = (caller: Caller): boolean => caller.kind === 'operator' && has(caller, OPERATOR_SCOPE);

/** Lets the operator alone through. */
export const requireOperator: RequestHandler = (_req: Request, res, next) => {
  if (!isOperator(callerOfRequest(res))) throw new ExchangeError('forbidden');
  next();
};

/** @throws ExchangeError `forbidden` unless the token covers the interaction by meaning */
export function assertScope(caller: Caller, type: string, letters: string): void {
  if (!coversScopes(caller.scope, `system/${type}.${letters}`)) throw new ExchangeError('forbidden');
}
