import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

/** What only we know of an authorization request, until its answer comes. */
export const pendingAuthorization = z.object({
  state: z.string(),
  codeVerifier: z.string(),
  nonce: z.string(),
  redirectUri: z.string(),
  /** As it was asked for. */
  scope: z.string(),
});
export type PendingAuthorization = Readonly<z.infer<typeof pendingAuthorization>>;

/** Authorization requests that were not answered yet, sealed, by a hash of their state. */
export interface PortalAuthorizationStore {
  keep(payerPid: number, pending: PendingAuthorization, expiresAt: Date): Promise<void>;
  /** Takes the request away; undefined where there is none of this payer and state, or its time is over. */
  take(payerPid: number, state: string): Promise<PendingAuthorization | undefined>;
}

const keyOf = (state: string): string => createHash('sha256').update(state).digest('hex');

export function createPortalAuthorizationStore(prisma: PrismaClient, seal: Seal): PortalAuthorizationStore {
  return {
    async keep(payerPid, pending, expiresAt) {
      await prisma.portalAuthorization.deleteMany({ where: { expiresAt: { lt: new Date() } } });
      const data = { key: keyOf(pending.state), payerPid, pending: seal.sealJson(pending), expiresAt };
      await prisma.portalAuthorization.create({ data });
    },
    async take(payerPid, state) {
      const where = { key: keyOf(state), payerPid, expiresAt: { gte: new Date() } };
      const row = await prisma.portalAuthorization.findFirst({ where });
      if (row === null) return undefined;
      // Two answers at once: the one that takes the row away is the first.
      const { count } = await prisma.portalAuthorization.deleteMany({ where });
      return count === 1 ? pendingAuthorization.parse(seal.openJson(row.pending)) : undefined;
    },
  };
}
