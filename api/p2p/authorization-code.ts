import { Router } from 'express';
import type { Response } from 'express';
import { z } from 'zod';
import { ExchangeError } from '../../fhir/errors.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { OidcServers } from '../../store/partners.ts';
import type { PendingAuthorization, PortalAuthorizationStore } from '../../store/portal-authorizations.ts';
import { bodyJson } from '../body.ts';
import { AUTHORIZATION_CODE_PATHS } from './authorization-code-paths.ts';
import { jsonSchema } from './definition-part.ts';
import { readInput } from './p2p-error.ts';
import type { P2pPart } from './part.ts';
import { pidOf } from './pid.ts';

/** The flow itself, at the payer's authorization server. */
export interface AuthorizationCode {
  request(
    payer: OidcServer,
    wish: { readonly redirectUri: string; readonly scope?: string | undefined },
  ): Promise<{ readonly url: string; readonly pending: PendingAuthorization }>;
  exchange(
    payer: OidcServer,
    pending: PendingAuthorization,
    response: { readonly code: string; readonly iss?: string | undefined; readonly id_token?: string | undefined },
  ): Promise<{
    readonly accessToken: string;
    readonly refreshToken: string | undefined;
    readonly expiresAt: number | undefined;
    readonly scope: string;
    readonly patientId: string | undefined;
  }>;
}

export interface AuthorizationCodeDeps {
  readonly servers: OidcServers;
  readonly authorizations: PortalAuthorizationStore;
  readonly flow: AuthorizationCode;
  readonly now: () => number;
}

/** For the member to sign in and consent; a code itself lives for a minute or less. */
const ANSWERED_WITHIN_MS = 10 * 60_000;

const wish = z.strictObject({
  redirectUri: z
    .string()
    .refine(
      (text) => URL.canParse(text) && new URL(text).href === text && !/[?#]/.test(text),
      'an absolute URL in its normal form, without query and fragment',
    )
    .describe('Where the payer sends the member back to: a page of the portal, registered there.'),
  scope: z.string().min(1).optional().describe('Absent: `scopes` of the definition.'),
});

const requested = z.strictObject({
  authorizationUrl: z.url().describe('Where the portal sends the member.'),
  state: z.string().describe("To be kept in the member's session, and compared when the member comes back."),
  expiresAt: z.iso.datetime(),
});

/** Members that some servers send besides are of no use here. */
const response = z
  .looseObject({
    state: z.string().min(1),
    code: z.string().min(1).optional(),
    iss: z.string().optional(),
    id_token: z.string().optional(),
    error: z.string().optional(),
  })
  .describe('Parameters of the authorization response, as the member brought them to `redirectUri`.');

const tokens = z.strictObject({
  oidcToken: z.string().describe('For `sourcePayer.oidcToken` of a batch job.'),
  oidcRefreshToken: z.string().nullable(),
  patientId: z.string().nullable().describe('Id of the member at the payer, where it was told.'),
  scope: z.string(),
  expiresAt: z.iso.datetime().nullable(),
});

/** `authorization_request` and `authorization_response` of a server: how a portal gets a member's tokens there. */
export function authorizationCodePart(deps: AuthorizationCodeDeps): P2pPart {
  const { servers, authorizations, flow, now } = deps;
  const router = Router();

  router.post('/api/oidc_servers/:pid/authorization_request', async (req, res) => {
    const payer = await servers.read(pidOf(req));
    const { url, pending } = await flow.request(payer, readInput(wish, bodyJson(req)));
    const expiresAt = new Date(now() + ANSWERED_WITHIN_MS);
    await authorizations.keep(payer.pid, pending, expiresAt);
    const answer = { authorizationUrl: url, state: pending.state, expiresAt: expiresAt.toISOString() };
    sendUncached(res.status(201), answer satisfies z.infer<typeof requested>);
  });

  router.post('/api/oidc_servers/:pid/authorization_response', async (req, res) => {
    const payer = await servers.read(pidOf(req));
    const { state, code, error, ...rest } = readInput(response, bodyJson(req));
    const pending = await authorizations.take(payer.pid, state);
    if (pending === undefined)
      throw invalid('state', 'Of a request to this payer, less than ten minutes old and not answered.');
    if (error !== undefined) throw refusedBy(error);
    if (code === undefined) throw invalid('code', 'The code of the authorization response.');
    const got = await flow.exchange(payer, pending, { code, iss: rest.iss, id_token: rest.id_token });
    sendUncached(res, {
      ...{ oidcToken: got.accessToken, oidcRefreshToken: got.refreshToken ?? null, scope: got.scope },
      patientId: got.patientId ?? null,
      expiresAt: got.expiresAt === undefined ? null : new Date(got.expiresAt).toISOString(),
    } satisfies z.infer<typeof tokens>);
  });

  return {
    router,
    paths: AUTHORIZATION_CODE_PATHS,
    schemas: {
      AuthorizationRequestInput: jsonSchema(wish, 'input'),
      AuthorizationRequest: jsonSchema(requested, 'output'),
      AuthorizationResponse: jsonSchema(response, 'input'),
      MemberTokens: jsonSchema(tokens, 'output'),
    },
  };
}

function sendUncached(res: Response, body: object): void {
  res.setHeader('Cache-Control', 'no-store').json(body);
}

const invalid = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('request-invalid', { expression, diagnostics });

/** RFC 6749, 4.1.2.1: the member, or the payer, said no. */
function refusedBy(error: string): ExchangeError {
  const isKnown = /^[a-z_]{1,40}$/.test(error);
  const diagnostics = `The authorization server answered without a code${isKnown ? `: ${error}` : ''}.`;
  return new ExchangeError('token-refused', { expression: 'error', diagnostics });
}
