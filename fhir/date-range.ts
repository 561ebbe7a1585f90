import { isRecord } from './parameters.ts';

/** From `low` on, up to but not including `high`; milliseconds, infinite where a period is open. */
export interface DateRange {
  readonly low: number;
  readonly high: number;
}

const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'] as const;
type Prefix = (typeof PREFIXES)[number];

export interface DateValue extends DateRange {
  readonly prefix: Prefix;
}

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;

/** A date of any precision, or a Period, as the range of instants that it means; undefined for neither. */
export function dateRange(value: unknown): DateRange | undefined {
  if (typeof value === 'string') return rangeOfText(value);
  if (!isRecord(value)) return undefined;
  const start = typeof value['start'] === 'string' ? rangeOfText(value['start']) : undefined;
  const end = typeof value['end'] === 'string' ? rangeOfText(value['end']) : undefined;
  if (start === undefined && end === undefined) return undefined;
  return { low: start?.low ?? -Infinity, high: end?.high ?? Infinity };
}

/** A search value with its prefix; `ap` is none of ours. */
export function readDateValue(text: string): DateValue | undefined {
  const written = text.slice(0, 2);
  const prefix = PREFIXES.find((each) => each === written);
  // A plus sign that was not encoded arrives as a space.
  const range = rangeOfText((prefix === undefined ? text : text.slice(2)).replace(' ', '+'));
  return range === undefined ? undefined : { ...range, prefix: prefix ?? 'eq' };
}

/** http://hl7.org/fhir/R4/search.html#prefix; `ge` and `le` take in what overlaps the value itself. */
export function rangeHolds(found: DateRange, wanted: DateValue): boolean {
  const isEqual = found.low >= wanted.low && found.high <= wanted.high;
  switch (wanted.prefix) {
    case 'eq':
      return isEqual;
    case 'ne':
      return !isEqual;
    case 'gt':
      return found.high > wanted.high;
    case 'lt':
      return found.low < wanted.low;
    case 'ge':
      return found.high > wanted.low;
    case 'le':
      return found.low < wanted.high;
    case 'sa':
      return found.low >= wanted.high;
    case 'eb':
      return found.high <= wanted.low;
  }
}

/** Without a time zone it is taken as UTC. */
function rangeOfText(text: string): DateRange | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year = '', month, day, hour, minute, second, fraction, zone = 'Z'] = match;
  if (hour !== undefined) {
    const low = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second ?? '00'}${fraction ?? ''}${zone}`);
    const width = second === undefined ? 60_000 : fraction === undefined ? 1000 : 1;
    return Number.isNaN(low) ? undefined : { low, high: low + width };
  }
  const low = Date.parse(`${year}-${month ?? '01'}-${day ?? '01'}T00:00:00Z`);
  if (Number.isNaN(low)) return undefined;
  const next = new Date(low);
  if (day !== undefined) next.setUTCDate(next.getUTCDate() + 1);
  else if (month !== undefined) next.setUTCMonth(next.getUTCMonth() + 1);
  else next.setUTCFullYear(next.getUTCFullYear() + 1);
  return { low, high: next.getTime() };
}
