import { createHash } from 'node:crypto';
import type { PrismaClient } from '../prisma/generated/client.ts';

export interface UsedAssertions {
  /**
   * False when this client has used this `jti` already; of many calls at the same time just one answers true.
   * @param expiresAt until when it must be remembered
   */
  use(clientId: string, jti: string, expiresAt: Date): Promise<boolean>;
}

export function createUsedAssertions(prisma: PrismaClient): UsedAssertions {
  return {
    async use(clientId, jti, expiresAt) {
      const key = createHash('sha256')
        .update(JSON.stringify([clientId, jti]))
        .digest('base64url');
      const written = await prisma.$executeRaw`
        INSERT INTO used_assertion (key, expires_at) VALUES (${key}, ${expiresAt}) ON CONFLICT (key) DO NOTHING`;
      await forgetExpired(prisma);
      return written === 1;
    },
  };
}

/** Many do so at once: rows that another one deletes are left to it. */
async function forgetExpired(prisma: PrismaClient): Promise<void> {
  await prisma.$executeRaw`
    DELETE FROM used_assertion WHERE key IN
      (SELECT key FROM used_assertion WHERE expires_at < now() LIMIT 1000 FOR UPDATE SKIP LOCKED)`;
}
