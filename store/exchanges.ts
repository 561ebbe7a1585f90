import { randomBytes } from 'node:crypto';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Exchange } from '../prisma/generated/client.ts';
import type { AskedRequest } from '../fhir/batch-job.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { isExportForm } from '../fhir/export-form.ts';
import type { ExportForm } from '../fhir/export-form.ts';
import type { Seal } from '../seal.ts';
import { collectionState } from './collection.ts';
import type { CollectionState } from './collection.ts';
import type { Outbox } from './outbox.ts';
import { toTaskState } from './task-row.ts';
import { fingerprintOf } from './exchange-fingerprint.ts';
import type { PortalTokens } from './portal-tokens.ts';

/** What is told of an exchange beside its outcome: a fixed sentence and where, never a value. */
export interface Warning {
  readonly code: string;
  readonly text: string;
  readonly expression?: string;
}

/** The request as it is carried out: what was posted, and whom it was found to mean. */
export interface ExchangeRequest {
  /** Body of `$member-match` as posted. */
  readonly matchParameters?: string;
  /** Entries of `export` as posted. */
  readonly exportEntries: readonly string[];
  /** The member at the responding payer, where no match is run. */
  readonly member?: {
    readonly id?: string;
    readonly identifier?: { readonly system?: string; readonly value: string };
  };
  /** The one request that is run, where it was given whole. */
  readonly asked?: AskedRequest;
  /** The payer is reached with the tokens of a member's portal, never with ours. */
  readonly access?: 'portal';
  /** Id of the Organization that the records are for, where the request names it. */
  readonly targetOrganizationId?: string;
}

export interface OpenExchange {
  readonly payerPid: number;
  /** Id of the responding payer's Organization in our store. */
  readonly organizationId: string;
  readonly localPatientId: string;
  readonly request: ExchangeRequest;
  readonly warnings: readonly Warning[];
  /** Present on the repetition of an exchange: the Task that it gets, and the one that it repeats. */
  readonly repetition?: { readonly taskId: string; readonly of: string };
  /** Present with `access: 'portal'`. */
  readonly portalTokens?: PortalTokens;
}

export interface ExchangeRecord {
  readonly id: string;
  readonly payerPid: number;
  readonly organizationId: string;
  readonly localPatientId: string;
  readonly active: boolean;
  readonly request: ExchangeRequest;
  readonly warnings: readonly Warning[];
  /** The member's Patient id at the responding payer, once known. */
  readonly memberPatientId: string | undefined;
  readonly statusUrl: string | undefined;
  /** A kick-off was sent, and no answer to it has been written yet. */
  readonly kickOffIntent: boolean;
  readonly kickOffForm: ExportForm | undefined;
  readonly kickedOffAt: string | undefined;
  /** How far a synchronous export has been read. */
  readonly collection: CollectionState | undefined;
  readonly transactionTime: string | undefined;
  readonly requiresAccessToken: boolean | undefined;
  readonly importedPatientId: string | undefined;
  readonly publishedAt: string | undefined;
  readonly createdAt: string;
  /** When it came out of the queue. */
  readonly startedAt: string | undefined;
  readonly cancelRequestedAt: string | undefined;
}

export interface ExchangeChanges {
  readonly memberPatientId?: string;
  readonly statusUrl?: string | null;
  readonly kickOffIntent?: boolean;
  readonly kickOffForm?: ExportForm;
  readonly kickedOffAt?: string;
  readonly collection?: CollectionState;
  readonly transactionTime?: string;
  readonly requiresAccessToken?: boolean;
  readonly startedAt?: string;
  readonly cancelRequestedAt?: string;
}

export interface ExchangeStore {
  /** Writes the exchange and its Task `requested`; the same request again while it runs answers the Task that runs. */
  open(exchange: OpenExchange): Promise<{ readonly taskId: string; readonly existing: boolean }>;
  /** @throws ExchangeError `not-found` */
  load(id: string): Promise<ExchangeRecord>;
  change(id: string, changes: ExchangeChanges): Promise<void>;
  addWarning(id: string, warning: Warning): Promise<void>;
  /** Keeps, sealed and for the operator, the detail of our error and what the peer itself said. */
  keepFailure(id: string, failure: { readonly detail?: string; readonly peerOutcome?: string }): Promise<void>;
  peerOutcome(id: string): Promise<string | undefined>;
  /**
   * An ended exchange lets the same request be posted anew, and its portal's tokens go; a run that an operator reset
   * makes it active again.
   */
  setActive(id: string, active: boolean): Promise<void>;
  /** Active exchanges opened before the instant, oldest first: those that the sweep looks at. */
  activeBefore(instant: Date, limit: number): Promise<readonly string[]>;
  /** True when the exchange now holds one of the payer's `limit` places, and no other runs for the same member. */
  takeSlot(id: string, limit: number): Promise<boolean>;
  freeSlot(id: string): Promise<void>;
}

const newTaskId = (): string => `p2p-task-${randomBytes(16).toString('hex')}`;
const isUniqueViolation = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'P2002';

export function createExchangeStore(prisma: PrismaClient, seal: Seal, outbox: Outbox): ExchangeStore {
  const activeByFingerprint = async (fingerprint: string): Promise<string | undefined> =>
    (await prisma.exchange.findFirst({ where: { fingerprint, active: true }, select: { id: true } }))?.id;

  const close = async (id: string): Promise<void> => {
    await prisma.$transaction([
      prisma.exchange.updateMany({ where: { id, active: true }, data: { active: false, endedAt: new Date() } }),
      prisma.portalToken.deleteMany({ where: { exchangeId: id } }),
    ]);
  };

  /** The Task says the end a moment before its exchange is closed: who has read it may ask anew at once. */
  const running = async (fingerprint: string): Promise<string | undefined> => {
    const id = await activeByFingerprint(fingerprint);
    if (id === undefined) return undefined;
    const ended = await prisma.task.count({ where: { id, status: { in: ['completed', 'failed', 'cancelled'] } } });
    if (ended === 0) return id;
    await close(id);
    return undefined;
  };

  return {
    async open(exchange) {
      const fingerprint = fingerprintOf(exchange);
      const { payerPid, organizationId, localPatientId, request, warnings, repetition, portalTokens } = exchange;
      const id = repetition?.taskId ?? newTaskId();
      const known = await running(fingerprint);
      if (known !== undefined) return { taskId: known, existing: true };
      try {
        const lanes = await prisma.$transaction(async (transaction) => {
          await transaction.exchange.create({
            data: {
              ...{ id, payerPid, organizationId, localPatientId, fingerprint },
              request: seal.sealJson(request),
              warnings: warnings.map((warning) => ({ ...warning })),
            },
          });
          const task = await transaction.task.create({
            data: {
              ...{ id, code: 'data-request', status: 'requested', businessStatus: 'queued' },
              ...{ patientId: localPatientId, ownerId: organizationId },
              ...(repetition !== undefined && { basedOn: repetition.of }),
            },
          });
          if (portalTokens !== undefined) {
            await transaction.portalToken.create({ data: { exchangeId: id, tokens: seal.sealJson(portalTokens) } });
          }
          return outbox.add(transaction, toTaskState(task, seal));
        });
        await outbox.announce(lanes);
      } catch (error) {
        // Two posts at once: the unique fingerprint let one of them in, and that one runs.
        const other = isUniqueViolation(error) ? await activeByFingerprint(fingerprint) : undefined;
        if (other === undefined) throw error;
        return { taskId: other, existing: true };
      }
      return { taskId: id, existing: false };
    },

    async load(id) {
      const row = await prisma.exchange.findUnique({ where: { id } });
      if (row === null) throw new ExchangeError('not-found');
      return toRecord(row, seal);
    },

    async change(id, changes) {
      const { transactionTime, kickedOffAt, startedAt, cancelRequestedAt, collection, ...plain } = changes;
      await prisma.exchange.update({
        where: { id },
        data: {
          ...plain,
          ...(transactionTime !== undefined && { transactionTime: new Date(transactionTime) }),
          ...(kickedOffAt !== undefined && { kickedOffAt: new Date(kickedOffAt) }),
          ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
          ...(cancelRequestedAt !== undefined && { cancelRequestedAt: new Date(cancelRequestedAt) }),
          ...(collection !== undefined && { collection: seal.sealJson(collection) }),
        },
      });
    },

    async addWarning(id, warning) {
      const entry = JSON.stringify([warning]);
      await prisma.$executeRaw`UPDATE "exchange" SET "warnings" = "warnings" || ${entry}::jsonb
        WHERE "id" = ${id} AND NOT "warnings" @> ${entry}::jsonb`;
    },

    async keepFailure(id, { detail, peerOutcome }) {
      const bytes = (text: string): Uint8Array<ArrayBuffer> => seal.seal(Buffer.from(text, 'utf8'));
      await prisma.exchange.update({
        where: { id },
        data: {
          ...(detail !== undefined && { failureDetail: bytes(detail) }),
          ...(peerOutcome !== undefined && { peerOutcome: bytes(peerOutcome) }),
        },
      });
    },

    async peerOutcome(id) {
      const row = await prisma.exchange.findUnique({ where: { id }, select: { peerOutcome: true } });
      return row?.peerOutcome ? Buffer.from(seal.open(row.peerOutcome)).toString('utf8') : undefined;
    },

    async setActive(id, active) {
      if (!active) return close(id);
      await prisma.exchange.updateMany({ where: { id, active: false }, data: { active: true, endedAt: null } });
    },

    async activeBefore(instant, limit) {
      const rows = await prisma.exchange.findMany({
        where: { active: true, createdAt: { lt: instant } },
        orderBy: { createdAt: 'asc' },
        take: limit,
        select: { id: true },
      });
      return rows.map((row) => row.id);
    },

    takeSlot: (id, limit) => takeSlot(prisma, id, limit),

    async freeSlot(id) {
      await prisma.slot.deleteMany({ where: { exchangeId: id } });
    },
  };
}

/** Waiting exchanges of a payer take places under one lock, so that the limit holds across processes. */
async function takeSlot(prisma: PrismaClient, id: string, limit: number): Promise<boolean> {
  const exchange = await prisma.exchange.findUniqueOrThrow({
    where: { id },
    select: { payerPid: true, localPatientId: true },
  });
  return prisma.$transaction(async (transaction) => {
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('slot'), ${exchange.payerPid}::int)`;
    // An ended exchange holds no place, even where its run was ended before it could give it back.
    await transaction.$executeRaw`DELETE FROM "slot" s USING "exchange" e WHERE e."id" = s."exchange_id" AND NOT e."active"`;
    const held = await transaction.slot.findMany({ where: { payerPid: exchange.payerPid } });
    if (held.some((slot) => slot.exchangeId === id)) return true;
    const sameMember = held.some((slot) => slot.localPatientId === exchange.localPatientId);
    if (sameMember || held.length >= limit) return false;
    await transaction.slot.create({ data: { exchangeId: id, ...exchange } });
    return true;
  });
}

function toRecord(row: Exchange, seal: Seal): ExchangeRecord {
  return {
    id: row.id,
    payerPid: row.payerPid,
    organizationId: row.organizationId,
    localPatientId: row.localPatientId,
    active: row.active,
    // Sealed by us, so its shape is the one that open() wrote.
    request: seal.openJson(row.request) as ExchangeRequest,
    warnings: row.warnings as unknown as readonly Warning[],
    memberPatientId: row.memberPatientId ?? undefined,
    statusUrl: row.statusUrl ?? undefined,
    kickOffIntent: row.kickOffIntent,
    kickOffForm: isExportForm(row.kickOffForm) ? row.kickOffForm : undefined,
    kickedOffAt: row.kickedOffAt?.toISOString(),
    collection: row.collection === null ? undefined : collectionState.parse(seal.openJson(row.collection)),
    transactionTime: row.transactionTime?.toISOString(),
    requiresAccessToken: row.requiresAccessToken ?? undefined,
    importedPatientId: row.importedPatientId ?? undefined,
    publishedAt: row.publishedAt?.toISOString(),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    cancelRequestedAt: row.cancelRequestedAt?.toISOString(),
  };
}
