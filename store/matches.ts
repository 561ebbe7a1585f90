import { randomUUID } from 'node:crypto';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

/** A member that a partner has matched, and under which consent. */
export interface Match {
  readonly patientId: string;
  /** `regular` or `sensitive`. */
  readonly policy: string;
}

export interface NewMatch {
  readonly clientId: string;
  readonly patientId: string;
  readonly consent: string;
  readonly coverageToLink: string | undefined;
  readonly policy: string;
  readonly periodStart: Date | undefined;
  readonly periodEnd: Date | undefined;
}

export interface MatchStore {
  /** Keeps a match; the newest consent replaces the former one of the same partner and member. */
  keep(match: NewMatch): Promise<void>;
  /** Matches of a partner whose consent is in force at the instant: all of them, or those of these Patients. */
  inForce(clientId: string, now: Date, patientIds?: readonly string[]): Promise<readonly Match[]>;
  /** Ends every match of the member, or those of one partner. */
  withdraw(patientId: string, clientId?: string): Promise<number>;
  /**
   * Counts a try before it is made, under each of the hashes, so that tries at one time in several processes cannot pass
   * the limit together. False, and nothing is counted, where one of them has had `most` failures in the hour of the instant.
   */
  countTry(clientId: string, hashes: readonly string[], most: number, now: Date): Promise<boolean>;
  /** The try succeeded: it was no failure. */
  uncountTry(clientId: string, hashes: readonly string[], now: Date): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Start of the hour in which failures are counted together. */
export function hourOf(now: Date): Date {
  return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
}

export function createMatchStore(prisma: PrismaClient, seal: Seal): MatchStore {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => seal.seal(Buffer.from(text, 'utf8'));
  return {
    async keep({ clientId, patientId, consent, coverageToLink, ...rest }) {
      const data = {
        ...rest,
        consent: bytes(consent),
        coverageToLink: coverageToLink === undefined ? null : bytes(coverageToLink),
        withdrawnAt: null,
        matchedAt: new Date(),
      };
      await prisma.memberMatch.upsert({
        where: { clientId_patientId: { clientId, patientId } },
        create: { id: randomUUID(), clientId, patientId, ...data },
        update: data,
      });
    },

    async inForce(clientId, now, patientIds) {
      return prisma.memberMatch.findMany({
        where: {
          clientId,
          ...(patientIds !== undefined && { patientId: { in: [...patientIds] } }),
          withdrawnAt: null,
          AND: [
            { OR: [{ periodStart: null }, { periodStart: { lte: now } }] },
            { OR: [{ periodEnd: null }, { periodEnd: { gte: now } }] },
          ],
        },
        orderBy: { patientId: 'asc' },
        select: { patientId: true, policy: true },
      });
    },

    async withdraw(patientId, clientId) {
      const { count } = await prisma.memberMatch.updateMany({
        where: { patientId, withdrawnAt: null, ...(clientId !== undefined && { clientId }) },
        data: { withdrawnAt: new Date() },
      });
      return count;
    },

    async countTry(clientId, hashes, most, now) {
      const hour = hourOf(now);
      return prisma
        .$transaction(async (transaction) => {
          // In one order for everybody, so that no two tries wait for each other.
          for (const hash of [...hashes].sort()) {
            const counted = await transaction.$executeRaw`
            INSERT INTO match_failure AS f (client_id, demographics_hash, hour, failures) VALUES (${clientId}, ${hash}, ${hour}, 1)
            ON CONFLICT (client_id, demographics_hash, hour) DO UPDATE SET failures = f.failures + 1 WHERE f.failures < ${most}`;
            if (counted === 0) throw new LimitReached();
          }
          return true;
        })
        .catch((error: unknown) => {
          if (error instanceof LimitReached) return false;
          throw error;
        });
    },

    async uncountTry(clientId, hashes, now) {
      await prisma.matchFailure.updateMany({
        where: { clientId, demographicsHash: { in: [...hashes] }, hour: hourOf(now), failures: { gt: 0 } },
        data: { failures: { decrement: 1 } },
      });
    },
  };
}

/** Rolls the transaction of a try back. */
class LimitReached extends Error {}
