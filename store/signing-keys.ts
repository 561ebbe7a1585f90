import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

export const SIGNING_ALGORITHM = 'ES384';

const privateJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-384'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.literal(SIGNING_ALGORITHM),
  use: z.literal('sig'),
});
export type SigningKey = Readonly<z.infer<typeof privateJwk>>;
export type PublicSigningKey = Omit<SigningKey, 'd'>;

/** Of this program; Postgres knows it for the duration of the transaction. */
const LOCK = 72_707_371;

/**
 * The keys of our access tokens, the newest first; the first is made once, however many processes start at the same time.
 */
export async function createSigningKeys(prisma: PrismaClient, seal: Seal): Promise<readonly SigningKey[]> {
  return prisma.$transaction(async (transaction) => {
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK})`;
    const rows = await transaction.signingKey.findMany({ orderBy: [{ createdAt: 'desc' }, { kid: 'asc' }] });
    if (rows.length > 0) return rows.map((row) => privateJwk.parse(seal.openJson(row.privateJwk)));
    const key = newKey();
    await transaction.signingKey.create({ data: { kid: key.kid, privateJwk: seal.sealJson(key) } });
    return [key];
  });
}

/** What everyone may know of the keys: a JWKS. */
export function publicKeys(keys: readonly SigningKey[]): { readonly keys: PublicSigningKey[] } {
  return { keys: keys.map(({ d: _private, ...key }) => key) };
}

function newKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const jwk = privateKey.export({ format: 'jwk' });
  return privateJwk.parse({ ...jwk, kid: randomUUID(), alg: SIGNING_ALGORITHM, use: 'sig' });
}
