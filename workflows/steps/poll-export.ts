import { ApplicationFailure, condition, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { ERRORS } from '../../fhir/errors.ts';
import type { ExchangeLimits } from '../contract.ts';
import type { RequesterProxies } from './proxies.ts';

export interface PollState {
  readonly kickedOffAt: number;
  readonly polls: number;
}

export type PollEnd =
  | { readonly kind: 'complete'; readonly files: number }
  /** The history has grown long: go on in a new run from here. */
  | { readonly kind: 'continue'; readonly polls: number };

export interface PollSignal {
  requested: boolean;
}

/**
 * Asks for the status until the manifest is there: check, wait on a durable timer (Retry-After, else growing), check.
 * @throws ApplicationFailure `export-deadline`, and what `checkExport` fails with
 */
export async function pollExport(
  taskId: string,
  state: PollState,
  limits: ExchangeLimits,
  peer: RequesterProxies['peer'],
  signal: PollSignal,
): Promise<PollEnd> {
  const deadline = state.kickedOffAt + limits.exportDeadlineMs;
  for (let polls = state.polls + 1; ; polls++) {
    signal.requested = false;
    const status = await peer.checkExport.executeWithOptions({ summary: `poll ${polls}` }, [taskId]);
    if (status.state === 'complete') return { kind: 'complete', files: status.files };
    const left = deadline - Date.now();
    if (left <= 0) throw deadlinePassed();
    // A wait beyond the deadline is none that can be kept.
    const asked = status.retryAfterMs !== undefined && status.retryAfterMs < left ? status.retryAfterMs : undefined;
    const delay = Math.min(delayOf(asked, polls, limits), left);
    const progress = status.progressPercent === undefined ? '' : `, ${status.progressPercent} %`;
    setCurrentDetails(`**Step:** poll-export\n\npoll ${polls}${progress}; next in ${Math.round(delay / 1000)} s`);
    await condition(() => signal.requested, delay, { summary: `wait after poll ${polls}${progress}` });
    // After the wait: the new run begins with a poll.
    if (workflowInfo().continueAsNewSuggested) return { kind: 'continue', polls };
  }
}

/** What the payer asks for is respected; without it the wait doubles, with jitter, from the floor to the ceiling. */
function delayOf(
  retryAfterMs: number | undefined,
  polls: number,
  { pollFloorMs, pollCeilingMs }: ExchangeLimits,
): number {
  if (retryAfterMs !== undefined) return Math.max(retryAfterMs, pollFloorMs);
  const grown = Math.min(pollFloorMs * 2 ** Math.min(polls - 1, 20), pollCeilingMs);
  return grown * (0.75 + Math.random() / 4);
}

function deadlinePassed(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'export-deadline',
    message: ERRORS['export-deadline'].sentence,
    nonRetryable: true,
  });
}
