import { z } from 'zod';

/** A public key by which a client's assertion is verified: its public members alone. */
const clientKey = z.union([
  z.object({ kty: z.literal('RSA'), n: z.string(), e: z.string(), kid: z.string().optional() }),
  z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-384'),
    x: z.string(),
    y: z.string(),
    kid: z.string().optional(),
  }),
]);
export type ClientKey = Readonly<z.infer<typeof clientKey>>;

const keySet = z.object({ keys: z.array(z.unknown()) });
const purpose = z.looseObject({ use: z.string().optional() });

/** Keys that are none of RS384 or ES384 are passed over: a set may hold others. */
export function readClientKeys(jwks: unknown): readonly ClientKey[] {
  return keySet.parse(jwks).keys.flatMap((key) => {
    if (purpose.safeParse(key).data?.use === 'enc') return [];
    const read = clientKey.safeParse(key);
    return read.success ? [read.data] : [];
  });
}

/** What the header of an assertion says of its key. */
export interface KeyHint {
  readonly alg?: string | undefined;
  readonly kid?: string | undefined;
}

/** SMART 2.2: just one key by kid and kty; none or several are a failure. */
export function chooseKey(keys: readonly ClientKey[], { alg, kid }: KeyHint): ClientKey | undefined {
  const kty = alg?.startsWith('ES') ? 'EC' : 'RSA';
  const [key, ...others] = keys.filter((one) => one.kty === kty && (kid === undefined || one.kid === kid));
  return others.length === 0 ? key : undefined;
}
