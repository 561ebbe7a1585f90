import { hashedId } from '../../fhir/identifiers.ts';
import { withSince } from '../../fhir/increments.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { ExchangeRecord, ExchangeStore } from '../../store/exchanges.ts';
import type { RepetitionStore } from '../../store/repetitions.ts';
import type { ExchangeLimits, InvokeExportInput } from '../../workflows/contract.ts';
import type { RequesterDeps } from './deps.ts';

export interface OpenRepetitionDeps {
  readonly exchanges: ExchangeStore;
  readonly repetitions: RepetitionStore;
  readonly payer: RequesterDeps['payer'];
  readonly limits: (payer: OidcServer) => ExchangeLimits;
}

export interface Occurrence {
  /** The Task of the first exchange. */
  readonly taskId: string;
  /** Of this one time: a retry opens nothing anew. */
  readonly occurrence: string;
}

export type OpenedRepetition =
  { readonly outcome: 'opened'; readonly input: InvokeExportInput } | { readonly outcome: 'running' | 'ended' };

/** Opens an exchange with the request of the first one, from where the last one that completed stopped. */
export function openRepetition({ exchanges, repetitions, payer, limits }: OpenRepetitionDeps) {
  return async ({ taskId, occurrence }: Occurrence): Promise<OpenedRepetition> => {
    const repetition = await repetitions.read(taskId);
    const isOver = repetition?.until !== undefined && repetition.until < new Date();
    if (repetition === undefined || repetition.endedAt !== undefined || isOver) {
      // There should be no schedule any more: the sweep takes it away.
      await repetitions.unsettle([taskId]);
      return { outcome: 'ended' };
    }
    const first = await exchanges.load(taskId);
    const ownTaskId = `p2p-task-${hashedId([taskId, occurrence])}`;
    if (!(await repetitions.isOpened(ownTaskId))) {
      if (await repetitions.isRunning(taskId)) return { outcome: 'running' };
      const opened = await exchanges.open(await increment(first, ownTaskId, repetitions));
      // The same request was posted by hand, and runs.
      if (opened.taskId !== ownTaskId) return { outcome: 'running' };
    }
    const { payerPid, request } = first;
    const skipMatch = request.matchParameters === undefined;
    const input = { taskId: ownTaskId, payerPid, skipMatch, limits: limits(await payer(first)) };
    return { outcome: 'opened', input };
  };
}

async function increment(
  { id, payerPid, organizationId, localPatientId, request, warnings }: ExchangeRecord,
  taskId: string,
  repetitions: RepetitionStore,
): Promise<Parameters<ExchangeStore['open']>[0]> {
  const since = await repetitions.lastTransactionTime(payerPid, localPatientId, request);
  const entries = request.exportEntries;
  return {
    ...{ payerPid, organizationId, localPatientId },
    request: { ...request, exportEntries: since === undefined ? entries : withSince(entries, since) },
    // What was wrong with the posted request still is; the others were told of another exchange.
    warnings: warnings.filter(({ code }) => code === 'profile'),
    repetition: { taskId, of: id },
  };
}
