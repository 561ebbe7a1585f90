import { randomUUID } from 'node:crypto';
import type { MemberMatch, PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';

/** A member that a partner has matched, and under which consent. */
export interface Match {
  readonly patientId: string;
  /** `regular` or `sensitive`. */
  readonly policy: string;
  /** The Consent as it was posted. */
  readonly consent: string;
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
  /** Matches of a partner whose consent is in force at the instant. */
  inForce(clientId: string, now: Date): Promise<readonly Match[]>;
  /** Ends every match of the member, or those of one partner. */
  withdraw(patientId: string, clientId?: string): Promise<number>;
  /** Failed matches of these demographics by this partner in the hour of the instant. */
  failures(clientId: string, demographicsHash: string, now: Date): Promise<number>;
  countFailure(clientId: string, demographicsHash: string, now: Date): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Start of the hour in which failures are counted together. */
export function hourOf(now: Date): Date {
  return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
}

export function createMatchStore(prisma: PrismaClient, seal: Seal): MatchStore {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => seal.seal(Buffer.from(text, 'utf8'));
  const textOf = (sealed: Uint8Array): string => Buffer.from(seal.open(sealed)).toString('utf8');
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

    async inForce(clientId, now) {
      const rows: MemberMatch[] = await prisma.memberMatch.findMany({
        where: {
          clientId,
          withdrawnAt: null,
          AND: [
            { OR: [{ periodStart: null }, { periodStart: { lte: now } }] },
            { OR: [{ periodEnd: null }, { periodEnd: { gte: now } }] },
          ],
        },
      });
      return rows.map(({ patientId, policy, consent }) => ({ patientId, policy, consent: textOf(consent) }));
    },

    async withdraw(patientId, clientId) {
      const { count } = await prisma.memberMatch.updateMany({
        where: { patientId, withdrawnAt: null, ...(clientId !== undefined && { clientId }) },
        data: { withdrawnAt: new Date() },
      });
      return count;
    },

    async failures(clientId, demographicsHash, now) {
      const where = { clientId_demographicsHash_hour: { clientId, demographicsHash, hour: hourOf(now) } };
      return (await prisma.matchFailure.findUnique({ where }))?.failures ?? 0;
    },

    async countFailure(clientId, demographicsHash, now) {
      const key = { clientId, demographicsHash, hour: hourOf(now) };
      await prisma.matchFailure.upsert({
        where: { clientId_demographicsHash_hour: key },
        create: { ...key, failures: 1 },
        update: { failures: { increment: 1 } },
      });
    },
  };
}
