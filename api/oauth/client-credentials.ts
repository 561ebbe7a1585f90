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
 * it does not know. Granted is what asked and allowed have in common by meaning; SMART 2.2 makes `scope` required.
 */
export function grantClientCredentials({ provider, audience, kid, tokenSeconds }: GrantDeps) {
  return async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const { client, params } = ctx.oidc;
    const allowed = String(client[ALLOWED_SCOPES]);
    const asked = params.scope ?? '';
    const scope = intersectScopes(asked, allowed);
    if (scope === '') {
      const reason = asked === '' ? 'scope is required' : 'nothing of what was asked for is allowed';
      throw new errors.InvalidScope(reason, asked);
    }
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
