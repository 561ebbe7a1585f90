/** What must be found nowhere. */
export const SENTINEL = 'sentinel-of-a-secret';

/** All that the definition of a server keeps sealed. */
export const SECRETS = {
  clientSecret: SENTINEL,
  privateJwk: { kty: 'EC', crv: 'P-384', x: 'x', y: 'y', d: SENTINEL },
  introspectionClientSecret: SENTINEL,
};
