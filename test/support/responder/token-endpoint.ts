import { randomBytes } from 'node:crypto';
import type { Call, Reply } from './answers.ts';
import { failureReply, jsonAnswer, Refusal, retryAfterHeader, takeFailure } from './answers.ts';
import { AssertionRefused, authenticateByAssertion } from './client-assertion.ts';
import type { ClientRegistration, State } from './state.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** RFC 6749 §4.4 with the client authentication of SMART Backend Services, or a shared secret. */
export async function answerToken(state: State, call: Call): Promise<Reply> {
  const failure = takeFailure(state.behaviour.token.failures);
  if (failure && failure.status !== 'disconnect' && failure.code) {
    return jsonAnswer(
      failure.status,
      { error: failure.code },
      { ...NO_STORE, ...retryAfterHeader(failure.retryAfter) },
    );
  }
  if (failure) return failureReply(failure);
  if (!(call.request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    throw oauthError(400, 'invalid_request', 'the body is not form-encoded');
  }
  const form = new URLSearchParams(call.body);
  const client = await authenticate(state, call.request.headers.authorization, form);
  if (form.get('grant_type') !== 'client_credentials') {
    throw oauthError(400, 'unsupported_grant_type', 'only client_credentials');
  }
  checkRequiredParams(state, form);
  const scope = grantScope(state, client, form.get('scope') ?? '');
  const token = randomBytes(32).toString('base64url');
  const { lifetimeSeconds, boundTo } = state.behaviour.token;
  const expiresAt = Date.now() + lifetimeSeconds * 1000;
  state.tokens.set(token, { clientId: client.clientId, scope, boundTo, expiresAt });
  const patient = boundTo === null ? {} : { patient: boundTo };
  const answer = { access_token: token, token_type: 'bearer', expires_in: lifetimeSeconds, scope, ...patient };
  return jsonAnswer(200, { ...answer, ...state.behaviour.token.extraMembers }, NO_STORE);
}

async function authenticate(
  state: State,
  authorization: string | undefined,
  form: URLSearchParams,
): Promise<ClientRegistration> {
  const assertion = form.get('client_assertion');
  const methods = [assertion, authorization, form.get('client_secret')].filter(
    (each) => each !== null && each !== undefined,
  );
  if (methods.length > 1) throw oauthError(400, 'invalid_request', 'more than one way of client authentication');
  if (assertion !== null) {
    if (form.get('client_assertion_type') !== JWT_BEARER) throw invalidClient('client_assertion_type');
    return authenticateByAssertion(state, assertion).catch((error: unknown) => {
      throw error instanceof AssertionRefused ? invalidClient(error.message) : error;
    });
  }
  const credentials = authorization === undefined ? fromForm(form) : fromBasic(authorization);
  const client = state.clients.get(credentials.clientId);
  if (!client?.clientSecret || client.clientSecret !== credentials.secret) {
    throw invalidClient(
      'unknown client or wrong secret',
      authorization === undefined ? {} : { 'www-authenticate': 'Basic' },
    );
  }
  return client;
}

function fromForm(form: URLSearchParams): { clientId: string; secret: string } {
  return { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
}

/** RFC 6749 §2.3.1: both parts are form-encoded before Base64. */
function fromBasic(authorization: string): { clientId: string; secret: string } {
  const encoded = /^basic\s+(.+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) throw invalidClient('Authorization is not Basic', { 'www-authenticate': 'Basic' });
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidClient('Authorization is not Basic', { 'www-authenticate': 'Basic' });
  return { clientId: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`value=${text.replaceAll('&', '%26')}`).get('value') ?? '';
}

function checkRequiredParams(state: State, form: URLSearchParams): void {
  for (const [name, wanted] of Object.entries(state.behaviour.token.requiredParams)) {
    const value = form.get(name);
    if (!value || (wanted !== null && value !== wanted))
      throw oauthError(400, 'invalid_request', `${name} is missing or wrong`);
  }
}

function grantScope(state: State, client: ClientRegistration, asked: string): string {
  const scopes = asked.split(' ').filter((each) => each !== '');
  if (scopes.length === 0 && state.behaviour.token.scopeRequired)
    throw oauthError(400, 'invalid_scope', 'scope is missing');
  const allowed = client.scope?.split(' ');
  const granted = allowed ? scopes.filter((each) => allowed.includes(each)) : scopes;
  if (scopes.length > 0 && granted.length === 0) throw oauthError(400, 'invalid_scope', 'no scope may be granted');
  return state.behaviour.token.scope ?? granted.join(' ');
}

function oauthError(status: number, error: string, description: string, headers: Record<string, string> = {}): Refusal {
  return new Refusal(jsonAnswer(status, { error, error_description: description }, { ...NO_STORE, ...headers }));
}

function invalidClient(description: string, headers: Record<string, string> = {}): Refusal {
  return oauthError(401, 'invalid_client', description, headers);
}
