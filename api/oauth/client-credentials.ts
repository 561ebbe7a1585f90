import { errors } from 'oidc-provider';
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import { intersectScopes } from '../../fhir/scopes.ts';
import { SIGNING_ALGORITHM } from '../../store/signing-keys.ts';
import { ALLOWED_SCOPES } from './client-adapter.ts';

export interface GrantDeps {
  readonly provider: Provider;
  readonly audience: string;
  readonly kid: string | undefined;
  readonly tokenSeconds: number;
}

/**
 * The client_credentials grant in place of the library's own, which compares scopes letter by letter and drops those that
 * it does not know. Granted is what asked and allowed have in common by meaning; without a wish, all that is allowed.
 */
export function grantClientCredentials({ provider, audience, kid, tokenSeconds }: GrantDeps) {
  return async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const { client, params } = ctx.oidc;
    const allowed = String(client[ALLOWED_SCOPES]);
    const scope = params.scope === undefined ? allowed : intersectScopes(params.scope, allowed);
    if (scope === '') throw new errors.InvalidScope('nothing of what was asked for is allowed', params.scope ?? '');
    const token = new provider.ClientCredentials({
      client,
      scope,
      resourceServer: new provider.ResourceServer(audience, {
        scope,
        audience,
        accessTokenTTL: tokenSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: SIGNING_ALGORITHM, kid } },
      }),
    });
    const accessToken = await token.save();
    ctx.body = { access_token: accessToken, token_type: 'bearer', expires_in: token.expiration, scope };
  };
}
