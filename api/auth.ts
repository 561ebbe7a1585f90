import type { Request, RequestHandler, Response } from 'express';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcClient } from '../fhir/oidc-definitions.ts';
import { coversScopes } from '../fhir/scopes.ts';

/** Who asks: the operator of this payer, or another payer. */
export type Caller =
  | { readonly kind: 'operator'; readonly clientId: string; readonly scope: string }
  | {
      readonly kind: 'partner';
      readonly clientId: string;
      readonly clientPid: number;
      readonly organizationId: string | undefined;
      readonly scope: string;
    };

export interface AuthDeps {
  /** `PUBLIC_URL`, exactly. */
  readonly issuer: string;
  /** `PUBLIC_URL/fhir`. */
  readonly audience: string;
  readonly operatorClientId: string;
  readonly publicKeys: () => Promise<JSONWebKeySet>;
  readonly client: (clientId: string) => Promise<OidcClient | undefined>;
}

const OPERATOR_SCOPE = 'carryover.admin';

const claims = z.looseObject({ client_id: z.string(), scope: z.string().default('') });

/**
 * Puts the caller of a valid bearer token into `res.locals`. The client is read anew at each request, so that one that was
 * disabled is out at once, whatever its token says.
 */
export function authenticate(deps: AuthDeps): RequestHandler {
  return async (req, res, next) => {
    const [, token] = /^Bearer +([^\s]+)$/i.exec(req.headers.authorization ?? '') ?? [];
    if (token === undefined) throw new ExchangeError('unauthenticated');
    const { client_id: clientId, scope } = await verified(token, deps);
    setCaller(res, await callerOf(clientId, scope, deps));
    next();
  };
}

async function verified(token: string, { issuer, audience, publicKeys }: AuthDeps): Promise<z.infer<typeof claims>> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(await publicKeys()), { issuer, audience });
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
  return { kind: 'partner', clientId, clientPid: client.pid, organizationId: client.organizationId, scope };
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

/** Lets the operator alone through. */
export const requireOperator: RequestHandler = (_req: Request, res, next) => {
  const caller = callerOfRequest(res);
  if (caller.kind !== 'operator' || !has(caller, OPERATOR_SCOPE)) throw new ExchangeError('forbidden');
  next();
};

/**
 * Throws `forbidden` unless the token covers the interaction by meaning: letters of `cruds` on a type, or on `*`.
 */
export function assertScope(caller: Caller, type: string, letters: string): void {
  if (!coversScopes(caller.scope, `system/${type}.${letters}`)) throw new ExchangeError('forbidden');
}
