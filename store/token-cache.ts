import { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

const cachedToken = z.object({
  accessToken: z.string(),
  /** Epoch milliseconds. */
  expiresAt: z.number(),
  scope: z.string(),
  custom: z.record(z.string(), z.string()),
  patient: z.string().optional(),
});
export type CachedToken = Readonly<z.infer<typeof cachedToken>>;

/** Tokens of responding payers, sealed, for all processes of this payer. */
export interface TokenCache {
  get(key: string): Promise<CachedToken | undefined>;
  set(key: string, token: CachedToken): Promise<void>;
  delete(key: string): Promise<void>;
}

export function createTokenCache(prisma: PrismaClient, seal: Seal): TokenCache {
  return {
    async get(key) {
      const row = await prisma.cachedToken.findUnique({ where: { key } });
      return row === null ? undefined : cachedToken.parse(seal.openJson(row.token));
    },
    async set(key, { accessToken, expiresAt, scope, custom, patient }) {
      const token = seal.sealJson({ accessToken, expiresAt, scope, custom, patient });
      const data = { token, expiresAt: new Date(expiresAt) };
      await prisma.cachedToken.upsert({ where: { key }, create: { key, ...data }, update: data });
      await prisma.cachedToken.deleteMany({ where: { expiresAt: { lt: new Date() } } });
    },
    async delete(key) {
      await prisma.cachedToken.deleteMany({ where: { key } });
    },
  };
}
