import { boundOf } from './consent.ts';
import { ExchangeError } from './errors.ts';
import { isRecord, readParameters } from './parameters.ts';
import type { ParameterEntry } from './parameters.ts';

/** How often an exchange is repeated: every so many months, or every so many days; the other one is 0. */
export interface Every {
  readonly months: number;
  readonly days: number;
}

export interface RepetitionRequest {
  readonly every: Every;
  /** The last instant of the posted day. */
  readonly until: Date | undefined;
}

/** Calendars know no others: every fifth month is another one each year. */
const MONTHS = [1, 2, 3, 4, 6, 12];
const MOST_DAYS = 3660;

const invalid = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('request-invalid', { expression, diagnostics });

/**
 * Reads the body of `Task/<id>/$repeat`.
 * @throws ExchangeError `request-invalid` whose expression points at the element
 */
export function readRepetition(text: string): RepetitionRequest {
  const entries = readParameters(text);
  const once = (name: string): ParameterEntry | undefined => {
    const [first, second] = entries.filter((entry) => entry.name === name);
    if (second !== undefined) throw invalid(second.path, `${name} may occur once.`);
    return first;
  };
  const unknown = entries.find(({ name }) => name !== 'every' && name !== 'until');
  if (unknown !== undefined) throw invalid(`${unknown.path}.name`, 'The name is unknown; accepted: every, until.');
  const every = once('every');
  if (every === undefined) throw invalid('Parameters.parameter', 'every is required.');
  const until = once('until');
  return { every: everyOf(every), until: until && untilOf(until) };
}

function everyOf({ value, path }: ParameterEntry): Every {
  const [, days, weeks, months] = /^P(?:(\d{1,4})D|(\d{1,3})W|(\d{1,2})M)$/.exec(String(value['valueString'])) ?? [];
  const allDays = days === undefined ? 7 * Number(weeks ?? 0) : Number(days);
  const isAccepted = months === undefined ? allDays >= 1 && allDays <= MOST_DAYS : MONTHS.includes(Number(months));
  if (!isAccepted) {
    const whole = `days or weeks (P7D, P1W), at most ${MOST_DAYS} days; or months: ${MONTHS.map((each) => `P${each}M`).join(', ')}`;
    throw invalid(`${path}.value`, `A valueString with an ISO 8601 duration is expected, of ${whole}.`);
  }
  return { months: Number(months ?? 0), days: allDays };
}

function untilOf({ value, path }: ParameterEntry): Date {
  const date = value['valueDate'];
  const until = typeof date === 'string' && /^\d{4}(-\d{2}){0,2}$/.test(date) ? boundOf(date, 'end') : undefined;
  // A day that the month does not have becomes one of the next.
  if (!(until instanceof Date) || !until.toISOString().startsWith(String(date))) {
    throw invalid(`${path}.value`, 'A valueDate is expected.');
  }
  return until;
}

/** The Consent that was posted with a request; undefined where none was, and no match is run. */
export function postedConsent(matchParameters: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (matchParameters === undefined) return undefined;
  const consent = readParameters(matchParameters).find(({ name }) => name === 'Consent')?.value['resource'];
  return isRecord(consent) ? consent : undefined;
}

/** The last instant of that consent, where it names one: nothing is asked for after it. */
export function consentEnd(matchParameters: string | undefined): Date | undefined {
  const provision = postedConsent(matchParameters)?.['provision'];
  const period = isRecord(provision) ? provision['period'] : undefined;
  const end = isRecord(period) ? boundOf(period['end'], 'end') : undefined;
  return end === 'invalid' ? undefined : end;
}

export function earlier(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
