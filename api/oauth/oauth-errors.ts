import type { KoaContextWithOIDC } from 'oidc-provider';

/**
 * SMART 2.2: `invalid_client` for any failure of authentication. The library calls some of them `invalid_request` (no
 * authentication at all, an assertion that is no JWT); whatever happens before a client is known is one.
 */
export async function authenticationFailure(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next();
  const isRefused = ctx.status === 400 && ctx.oidc.params !== undefined && ctx.oidc.entities.Client === undefined;
  if (!isRefused) return;
  ctx.status = 401;
  ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' };
  if (ctx.get('authorization') !== '') ctx.set('WWW-Authenticate', `Basic realm="${ctx.oidc.issuer}"`);
}
