import type { Call } from './answers.ts';
import { refuse } from './answers.ts';
import type { IssuedToken, State } from './state.ts';

/** @throws Refusal 401 with WWW-Authenticate (RFC 6750 §3) */
export function requireBearer(state: State, call: Call): IssuedToken {
  const presented = /^bearer\s+(\S+)$/i.exec(call.request.headers.authorization ?? '')?.[1];
  if (presented === undefined) {
    throw refuse(401, 'login', 'no bearer token', { 'www-authenticate': 'Bearer realm="responder"' });
  }
  const token = state.tokens.get(presented);
  if (!token || token.expiresAt <= Date.now()) {
    throw refuse(401, 'expired', 'the token is unknown or expired', {
      'www-authenticate': 'Bearer realm="responder", error="invalid_token"',
    });
  }
  return token;
}

/** Whether a SMART v1 or v2 scope of the token lets the type be read: of `system`, or of the one patient that it is for. */
export function mayRead(state: State, token: IssuedToken, type: string): boolean {
  if (!state.behaviour.scopeCheck) return true;
  return token.scope.split(' ').some((scope) => {
    const [, subject, rights] = /^(?:system|patient)\/(\*|[A-Za-z]+)\.([a-z*]+)(?:\?.*)?$/.exec(scope) ?? [];
    if (subject !== '*' && subject !== type) return false;
    return rights === 'read' || rights === '*' || (rights ?? '').includes('r');
  });
}

export function requireScope(state: State, token: IssuedToken, type: string): void {
  if (mayRead(state, token, type)) return;
  throw refuse(403, 'forbidden', `the token does not cover ${type}`, {
    'www-authenticate': 'Bearer realm="responder", error="insufficient_scope"',
  });
}

/** What the client may see: what it matched, and of that what its token is for. */
export function matchedPatients(state: State, token: IssuedToken): ReadonlySet<string> {
  const matched = state.behaviour.kickOff.requireMatch
    ? (state.matches.get(token.clientId) ?? new Set<string>())
    : new Set(state.members.keys());
  return token.boundTo === null ? matched : new Set([...matched].filter((id) => id === token.boundTo));
}
