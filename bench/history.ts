import type { temporal } from '@temporalio/proto';

export interface ActivityTime {
  readonly name: string;
  /** Epoch milliseconds: handed to the queue, taken by the worker, ended. */
  readonly scheduled: number;
  readonly started: number;
  readonly ended: number;
}

/** Where the time of an exchange goes, in seconds; the steps follow each other. */
export interface StepSeconds {
  readonly download: number;
  readonly import: number;
  readonly fetchReferenced: number;
  readonly publish: number;
}

type Timestamp = temporal.api.history.v1.IHistoryEvent['eventTime'];

const msOf = (time: Timestamp): number => Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;

/** The activities of a history that completed, in the order in which they were scheduled. */
export function activityTimes({ events }: temporal.api.history.v1.IHistory): ActivityTime[] {
  const scheduled = new Map<string, { name: string; scheduled: number; started: number }>();
  const found: ActivityTime[] = [];
  for (const event of events ?? []) {
    const at = msOf(event.eventTime);
    const plan = event.activityTaskScheduledEventAttributes;
    if (plan) scheduled.set(String(event.eventId), { name: plan.activityType?.name ?? '', scheduled: at, started: at });
    const begin = event.activityTaskStartedEventAttributes;
    const begun = scheduled.get(String(begin?.scheduledEventId));
    if (begun !== undefined) begun.started = at;
    const done = scheduled.get(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    if (done !== undefined) found.push({ ...done, ended: at });
  }
  return found.sort((one, other) => one.scheduled - other.scheduled);
}

/** From the kick-off to the publication. */
export function exchangeSpan(activities: readonly ActivityTime[]): { readonly from: number; readonly to: number } {
  const from = activities.find(({ name }) => name === 'startExport')?.scheduled ?? Number.NaN;
  const to = activities.findLast(({ name }) => name === 'publishImport')?.ended ?? Number.NaN;
  return { from, to };
}

/** What comes after `fetchReferenced` is the download and import of what it fetched, and counts as its own. */
export function stepSeconds(activities: readonly ActivityTime[]): StepSeconds {
  const fetching = activities.find(({ name }) => name === 'fetchReferenced')?.scheduled ?? Infinity;
  const publishing = activities.find(({ name }) => name === 'publishImport')?.scheduled ?? Infinity;
  const span = (belongs: (activity: ActivityTime) => boolean): number => {
    const own = activities.filter(belongs);
    if (own.length === 0) return 0;
    const from = Math.min(...own.map(({ scheduled }) => scheduled));
    return (Math.max(...own.map(({ ended }) => ended)) - from) / 1000;
  };
  return {
    download: span(({ name, scheduled }) => name === 'downloadFiles' && scheduled < fetching),
    import: span(({ name, scheduled }) => name === 'importFiles' && scheduled < fetching),
    fetchReferenced: span(
      ({ name, scheduled }) => scheduled >= fetching && scheduled < publishing && name !== 'recordStep',
    ),
    publish: span(({ name }) => name === 'publishImport'),
  };
}
