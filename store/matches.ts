import { createHash, randomUUID } from 'node:crypto';
import type { MemberMatch as Row, Prisma, PrismaClient } from '../prisma/generated/client.ts';
import type { Policy } from '../fhir/consent.ts';
import { ExchangeError } from '../fhir/errors.ts';
import type { Seal } from '../seal.ts';

/** A member that a partner has matched, and under which consent. */
export interface Match {
  readonly id: string;
  readonly patientId: string;
  readonly policy: Policy;
  /** SHA-256 (hex) of the Consent as it was posted: the same one posted again changes nothing. */
  readonly consentSha256: string | undefined;
}

/** A match as the operator may see it: ids and times. */
export interface MatchRecord extends Match {
  readonly clientId: string;
  readonly periodStart: Date | undefined;
  readonly periodEnd: Date | undefined;
  readonly matchedAt: Date;
  readonly withdrawnAt: Date | undefined;
  /** The partner told of its own coverage of the member, which is kept with the match (HRex mm-4). */
  readonly hasCoverageToLink: boolean;
}

export interface MatchQuery {
  readonly clientId?: string | undefined;
  readonly patientId?: string | undefined;
  /** Id of the last one of the page before. */
  readonly after?: string | undefined;
  readonly count: number;
}

export interface NewMatch {
  readonly clientId: string;
  readonly patientId: string;
  readonly consent: string;
  readonly coverageToLink: string | undefined;
  readonly policy: Policy;
  readonly periodStart: Date | undefined;
  readonly periodEnd: Date | undefined;
}

export interface MatchStore {
  /** Keeps a match; the newest consent replaces the former one of the same partner and member. */
  keep(match: NewMatch): Promise<void>;
  /** Matches of a partner whose consent is in force at the instant: all of them, or those of these Patients; the first `most`. */
  inForce(clientId: string, now: Date, patientIds?: readonly string[], most?: number): Promise<readonly Match[]>;
  /** The Consent of a match, as it was posted. @throws ExchangeError `consent-withdrawn` where the match is gone */
  consentOf(matchId: string): Promise<string>;
  /** By id, one page. */
  list(query: MatchQuery): Promise<readonly MatchRecord[]>;
  /** Ends one match at once, and answers it. @throws ExchangeError `not-found` */
  end(matchId: string): Promise<MatchRecord>;
  /** Ends every match of the member, or those of one partner. */
  withdraw(patientId: string, clientId?: string): Promise<number>;
  /**
   * Counts a try before it is made, under each of the hashes, so that tries at one time in several processes cannot pass
   * the limit together. False, and nothing is counted, where one of them has had `most` failures in the hour of the instant.
   */
  countTry(clientId: string, hashes: readonly string[], most: number, now: Date): Promise<boolean>;
  /** The try succeeded: it was no failure. */
  uncountTry(clientId: string, hashes: readonly string[], now: Date): Promise<void>;
  /** Forgets the tries of hours that are over at the instant. */
  forgetTries(now: Date): Promise<void>;
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
        consentSha256: createHash('sha256').update(consent).digest('hex'),
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

    async inForce(clientId, now, patientIds, most) {
      const rows = await prisma.memberMatch.findMany({
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
        ...(most !== undefined && { take: most }),
        select: { id: true, patientId: true, policy: true, consentSha256: true },
      });
      return rows.map(toMatch);
    },

    async consentOf(id) {
      const row = await prisma.memberMatch.findUnique({ where: { id }, select: { consent: true } });
      if (row === null) throw new ExchangeError('consent-withdrawn');
      return Buffer.from(seal.open(row.consent)).toString('utf8');
    },

    async list({ clientId, patientId, after, count }) {
      const where: Prisma.MemberMatchWhereInput = {
        ...(clientId !== undefined && { clientId }),
        ...(patientId !== undefined && { patientId }),
        ...(after !== undefined && { id: { gt: after } }),
      };
      const rows = await prisma.memberMatch.findMany({ where, orderBy: { id: 'asc' }, take: count });
      return rows.map(toRecord);
    },

    async end(id) {
      await prisma.memberMatch.updateMany({ where: { id, withdrawnAt: null }, data: { withdrawnAt: new Date() } });
      const row = await prisma.memberMatch.findUnique({ where: { id } });
      if (row === null) throw new ExchangeError('not-found');
      return toRecord(row);
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

    async forgetTries(now) {
      await prisma.matchFailure.deleteMany({ where: { hour: { lt: hourOf(now) } } });
    },
  };
}

function toMatch(row: Pick<Row, 'id' | 'patientId' | 'policy' | 'consentSha256'>): Match {
  return {
    ...{ id: row.id, patientId: row.patientId, consentSha256: row.consentSha256 ?? undefined },
    policy: row.policy === 'sensitive' ? 'sensitive' : 'regular',
  };
}

function toRecord(row: Row): MatchRecord {
  return {
    ...toMatch(row),
    ...{ clientId: row.clientId, matchedAt: row.matchedAt, withdrawnAt: row.withdrawnAt ?? undefined },
    ...{ periodStart: row.periodStart ?? undefined, periodEnd: row.periodEnd ?? undefined },
    hasCoverageToLink: row.coverageToLink !== null,
  };
}

/** Rolls the transaction of a try back. */
class LimitReached extends Error {}
