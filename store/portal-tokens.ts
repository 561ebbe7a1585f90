import { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

/** What a member's portal gave for one exchange, and what became known of it. */
export const portalTokens = z.object({
  /** Absent: none was given, or it was refused. */
  accessToken: z.string().optional(),
  refreshToken: z.string().optional(),
  /** Epoch milliseconds; absent: until it is refused. */
  expiresAt: z.number().optional(),
  scope: z.string().optional(),
  /** The one Patient that it reaches. */
  patient: z.string().optional(),
  /** Values that `customTokenParams` asks for, by name. */
  custom: z.record(z.string(), z.string()).optional(),
  /** The access token was verified and introspected, as far as the payer's definition asks for it. */
  checked: z.boolean().optional(),
});
export type PortalTokens = Readonly<z.infer<typeof portalTokens>>;

export interface HeldTokens {
  readonly tokens: PortalTokens;
  readonly version: number;
}

/** The portal's tokens of exchanges that run, sealed. `ExchangeStore` writes them with the exchange and ends them with it. */
export interface PortalTokenStore {
  read(exchangeId: string): Promise<HeldTokens | undefined>;
  /** False where they have changed since that version, or are gone. */
  replace(exchangeId: string, version: number, tokens: PortalTokens): Promise<boolean>;
  /** True for the one process that may refresh this version now, until it replaces or releases it or its time is over. */
  claim(exchangeId: string, version: number, until: Date): Promise<boolean>;
  release(exchangeId: string, version: number): Promise<void>;
}

export function createPortalTokenStore(prisma: PrismaClient, seal: Seal): PortalTokenStore {
  return {
    async read(exchangeId) {
      const row = await prisma.portalToken.findUnique({ where: { exchangeId } });
      if (row === null) return undefined;
      return { tokens: portalTokens.parse(seal.openJson(row.tokens)), version: row.version };
    },
    async replace(exchangeId, version, tokens) {
      const { count } = await prisma.portalToken.updateMany({
        where: { exchangeId, version },
        data: { tokens: seal.sealJson(tokens), version: version + 1, claimedUntil: null },
      });
      return count === 1;
    },
    async claim(exchangeId, version, until) {
      const { count } = await prisma.portalToken.updateMany({
        where: { exchangeId, version, OR: [{ claimedUntil: null }, { claimedUntil: { lt: new Date() } }] },
        data: { claimedUntil: until },
      });
      return count === 1;
    },
    async release(exchangeId, version) {
      await prisma.portalToken.updateMany({ where: { exchangeId, version }, data: { claimedUntil: null } });
    },
  };
}
