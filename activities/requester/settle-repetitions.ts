import type { Repetition, RepetitionStore } from '../../store/repetitions.ts';

/** What is asked of Temporal (`temporal/repetition-schedules.ts`). */
export interface RepetitionSchedules {
  /** Creates the schedule, or makes it what it should be. */
  put(repetition: Pick<Repetition, 'taskId' | 'every' | 'createdAt' | 'until'>): Promise<void>;
  /** Deletes the schedule; one that is not there is as good. */
  remove(taskId: string): Promise<void>;
  /** The Tasks that have one. */
  taskIds(): Promise<ReadonlySet<string>>;
}

export interface SettleDeps {
  readonly repetitions: RepetitionStore;
  readonly schedules: RepetitionSchedules;
}

const SETTLED_AT_ONCE = 500;

/** Makes the schedule of one repetition as its row is. */
export async function settleRepetition({ repetitions, schedules }: SettleDeps, taskId: string): Promise<void> {
  // Whoever changes the row meanwhile settles it too; the last to write the schedule has seen the newest row.
  for (;;) {
    const repetition = await repetitions.read(taskId);
    if (repetition === undefined) return;
    if (repetition.endedAt === undefined) await schedules.put(repetition);
    else await schedules.remove(taskId);
    if (await repetitions.settle(taskId, repetition.version)) return;
  }
}

/** Ends what is over, and settles what a change could not; the first that fails is thrown when all have been tried. */
export async function settleRepetitions(deps: SettleDeps): Promise<void> {
  await deps.repetitions.endPassed(new Date());
  let failure: { readonly error: unknown } | undefined;
  for (const taskId of await deps.repetitions.unsettled(SETTLED_AT_ONCE)) {
    try {
      await settleRepetition(deps, taskId);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

/** At a start: Temporal may be another one than the schedules were made in. The sweep makes those that are missing. */
export async function noteMissingSchedules({ repetitions, schedules }: SettleDeps): Promise<void> {
  const going = await repetitions.going();
  if (going.length === 0) return;
  const scheduled = await schedules.taskIds();
  await repetitions.unsettle(going.filter((taskId) => !scheduled.has(taskId)));
}
