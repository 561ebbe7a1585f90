import { isRecord } from './parameters.ts';
import { postedConsent } from './repetition.ts';

/** What of a request decides which records it brings, beside payer and member. */
export interface Asked {
  readonly matchParameters?: string;
  /** Entries of `export`, each the JSON text of one Parameters entry. */
  readonly exportEntries: readonly string[];
}

export interface Finished extends Asked {
  /** Of its manifest: everything that the payer had at this instant has arrived. */
  readonly transactionTime: string;
}

/** `patient` is replaced by the matched member in every kick-off. */
const NO_FILTERS: readonly unknown[] = ['_since', 'patient'];

/**
 * The `_since` with which a request goes on where finished exchanges of the same payer and member stopped: the
 * transaction time of the last that asked for the same, and no earlier than a posted one. Undefined where none did: then
 * the request goes out as it was posted.
 *
 * An exchange that was itself narrowed counts only where those before it, or what was posted, leave no gap.
 */
export function nextSince(finishedOldestFirst: readonly Finished[], asked: Asked): string | undefined {
  const key = filterKey(asked);
  const posted = sinceOf(asked.exportEntries);
  let reached: string | undefined;
  for (const finished of finishedOldestFirst.filter((each) => filterKey(each) === key)) {
    const from = sinceOf(finished.exportEntries);
    const leavesNoGap = from === undefined || isUpTo(from, posted) || isUpTo(from, reached);
    if (leavesNoGap) reached = finished.transactionTime;
  }
  if (reached === undefined || posted === undefined) return reached;
  return isUpTo(posted, reached) ? reached : posted;
}

/** The same entries with this `_since` in place of their own. */
export function withSince(entries: readonly string[], since: string): readonly string[] {
  const others = entries.filter((text) => nameOf(JSON.parse(text)) !== '_since');
  return [...others, JSON.stringify({ name: '_since', valueInstant: since })];
}

function isUpTo(instant: string, limit: string | undefined): boolean {
  return limit !== undefined && Date.parse(instant) <= Date.parse(limit);
}

function sinceOf(entries: readonly string[]): string | undefined {
  const values = entries.map((text): unknown => JSON.parse(text)).filter((entry) => nameOf(entry) === '_since');
  return values.map((entry) => String(valueOf(entry)))[0];
}

/**
 * The same for requests that ask for the same records: same filters, in whatever order, under a consent for the same
 * kind of data.
 */
function filterKey({ matchParameters, exportEntries }: Asked): string {
  const filters = exportEntries
    .map((text): unknown => JSON.parse(text))
    .filter((entry) => !NO_FILTERS.includes(nameOf(entry)))
    .flatMap((entry) => {
      const [name, value] = [nameOf(entry), valueOf(entry)];
      const values = name === '_type' ? String(value).split(',') : [value];
      return values.map((each) => JSON.stringify([name, typeof each === 'string' ? each.trim() : each]));
    });
  const policy = JSON.stringify(postedConsent(matchParameters)?.['policy'] ?? null);
  return JSON.stringify([policy, [...new Set(filters)].sort()]);
}

const nameOf = (entry: unknown): unknown => (isRecord(entry) ? entry['name'] : undefined);

function valueOf(entry: unknown): unknown {
  return isRecord(entry) ? Object.entries(entry).find(([key]) => key.startsWith('value'))?.[1] : undefined;
}
