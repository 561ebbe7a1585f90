import { ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';
import type { CalendarSpec, Client, ScheduleOptions, ScheduleSpec } from '@temporalio/client';
import type { TaskQueues } from '../workflows/contract.ts';
import { repetitionScheduleId, WORKFLOWS } from '../workflows/contract.ts';

export interface RepetitionSchedule {
  readonly taskId: string;
  /** One of them is above 0. */
  readonly every: { readonly months: number; readonly days: number };
  /** Repetitions count from here. */
  readonly createdAt: Date;
  readonly until: Date | undefined;
}

export interface RepetitionSchedules {
  /** Creates the schedule, or replaces what it was. */
  put(repetition: RepetitionSchedule): Promise<void>;
  remove(taskId: string): Promise<void>;
  taskIds(): Promise<ReadonlySet<string>>;
}

const DAY_MS = 86_400_000;
/** The last day that every month has. */
const LAST_DAY = 28;
const PAGE = 1000;
const MONTHS = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY'] as const),
  ...(['AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
] as const;

export function createRepetitionSchedules(client: Client, queues: TaskQueues): RepetitionSchedules {
  const handleOf = (taskId: string) => client.schedule.getHandle(repetitionScheduleId(taskId));
  return {
    async put(repetition) {
      const options = optionsOf(repetition, queues);
      try {
        await client.schedule.create({ ...options, scheduleId: repetitionScheduleId(repetition.taskId) });
      } catch (error) {
        if (!(error instanceof ScheduleAlreadyRunning)) throw error;
        await handleOf(repetition.taskId).update(() => ({ ...options, state: {} }));
      }
    },
    async remove(taskId) {
      try {
        await handleOf(taskId).delete();
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      }
    },
    async taskIds() {
      const prefix = repetitionScheduleId('');
      const found = new Set<string>();
      for await (const { scheduleId } of client.schedule.list({ pageSize: PAGE })) {
        if (scheduleId.startsWith(prefix)) found.add(scheduleId.slice(prefix.length));
      }
      return found;
    },
  };
}

function optionsOf(repetition: RepetitionSchedule, queues: TaskQueues): Omit<ScheduleOptions, 'scheduleId'> {
  const { taskId } = repetition;
  return {
    spec: specOf(repetition),
    policies: { overlap: 'SKIP', catchupWindow: '1 day' },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.repeatExchange,
      workflowId: repetitionScheduleId(taskId),
      taskQueue: queues.workflows,
      args: [{ taskId }],
      staticSummary: 'Repetition of an exchange',
    },
  };
}

/** The first time is one interval after `createdAt`. */
export function specOf({ every, createdAt, until }: RepetitionSchedule): ScheduleSpec {
  const times: ScheduleSpec =
    every.months > 0
      ? { calendars: [calendarOf(every.months, createdAt)] }
      : { intervals: [{ every: every.days * DAY_MS, offset: createdAt.getTime() % (every.days * DAY_MS) }] };
  // Whole seconds are all that a schedule knows.
  const startAt = new Date(createdAt.getTime() + 1000);
  return { ...times, startAt, ...(until !== undefined && { endAt: until }) };
}

function calendarOf(months: number, from: Date): CalendarSpec {
  const first = from.getUTCMonth() % months;
  return {
    month: MONTHS.filter((_month, index) => index % months === first),
    dayOfMonth: Math.min(from.getUTCDate(), LAST_DAY),
    ...{ hour: from.getUTCHours(), minute: from.getUTCMinutes(), second: from.getUTCSeconds() },
  };
}
