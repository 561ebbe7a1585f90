import { ExchangeError } from '../../fhir/errors.ts';

export interface InstantBound {
  readonly op: 'ge' | 'gt' | 'le' | 'lt';
  readonly instant: string;
}

const DATE =
  /^(eq|gt|lt|ge|le|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?$/;
const MINUTE_MS = 60_000;

/**
 * A date search value with its prefix as bounds of an instant: a value stands for all of the day, minute … that it names
 * (http://hl7.org/fhir/R4/search.html#date).
 *
 * @throws ExchangeError `request-invalid`
 */
export function instantRange(value: string): readonly InstantBound[] {
  const [, prefix = 'eq', year, month, day, time, zone] = DATE.exec(value.replace(' ', '+')) ?? [];
  if (year === undefined) throw invalid();
  const start = Date.parse(`${year}-${month ?? '01'}-${day ?? '01'}${padded(time)}${zone ?? 'Z'}`);
  if (Number.isNaN(start)) throw invalid();
  const from = new Date(start).toISOString();
  const to = new Date(endOf(start, { month, day, time })).toISOString();
  switch (prefix) {
    case 'gt':
    case 'sa':
      return [{ op: 'ge', instant: to }];
    case 'ge':
      return [{ op: 'ge', instant: from }];
    case 'lt':
    case 'eb':
      return [{ op: 'lt', instant: from }];
    case 'le':
      return [{ op: 'lt', instant: to }];
    default:
      return [
        { op: 'ge', instant: from },
        { op: 'lt', instant: to },
      ];
  }
}

function padded(time: string | undefined): string {
  if (time === undefined) return 'T00:00:00';
  return time.length === 'T00:00'.length ? `${time}:00` : time;
}

/** Exclusive. */
function endOf(start: number, given: { month?: string; day?: string; time?: string }): number {
  const date = new Date(start);
  if (given.month === undefined) return date.setUTCFullYear(date.getUTCFullYear() + 1);
  if (given.day === undefined) return date.setUTCMonth(date.getUTCMonth() + 1);
  if (given.time === undefined) return start + 24 * 60 * MINUTE_MS;
  if (given.time.length === 'T00:00'.length) return start + MINUTE_MS;
  // Milliseconds are the finest that a version's instant has.
  return given.time.includes('.') ? start + 1 : start + 1000;
}

function invalid(): ExchangeError {
  return new ExchangeError('request-invalid', {
    diagnostics: '_lastUpdated is a date or an instant, with a prefix or without.',
  });
}
