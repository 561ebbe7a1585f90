import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import { until } from './scripted-activities.ts';
import type { Played, Script, Stage } from './scripted-activities.ts';
import type { WorkflowHost } from './workflow-host.ts';

export interface EndedExchange {
  readonly played: Played;
  readonly handle: WorkflowHandle;
  readonly result: unknown;
  /** What made the run fail. */
  readonly cause: Error | undefined;
}

type Limits = Partial<ExchangeLimits>;

/** Plays an exchange to its end. */
export async function playExchange(
  host: WorkflowHost,
  stage: Stage,
  script: Script,
  limits?: Limits,
  skipMatch = false,
): Promise<EndedExchange> {
  const played = stage.play(script);
  return endOfExchange(played, await host.invoke(played, limits, { skipMatch }));
}

/** Plays an exchange, cancels it once `name` was called, and follows it to its end. */
export async function cancelExchangeAt(
  name: string,
  host: WorkflowHost,
  stage: Stage,
  script: Script,
  limits?: Limits,
): Promise<EndedExchange> {
  const played = stage.play(script);
  const handle = await host.invoke(played, limits);
  await until(() => played.calls.some((call) => call.name === name), `${name} is called`);
  await host.exchanges.cancel(played.id);
  return endOfExchange(played, handle);
}

export async function endOfExchange(played: Played, handle: WorkflowHandle): Promise<EndedExchange> {
  try {
    return { played, handle, result: await handle.result(), cause: undefined };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { played, handle, result: undefined, cause: error.cause };
  }
}

/** The activities from the first undo on. */
export function undoneBy({ played }: EndedExchange): string[] {
  const steps = played.steps();
  return steps.slice(steps.findIndex((name) => ['removeImport', 'releaseExport', 'freeSlot'].includes(name)));
}

export const lastRecordOf = ({ played }: EndedExchange): string | undefined => played.records().at(-1);
