import { dateRange } from './date-range.ts';
import type { DateRange } from './date-range.ts';
import { ExchangeError } from './errors.ts';
import { isResourceType } from './resource-types.ts';

/** What `$everything` asks for (http://hl7.org/fhir/R4/operation-patient-everything.html), and `origin` of ours. */
export interface EverythingRequest {
  /** Undefined: all types. */
  readonly types: readonly string[] | undefined;
  /** Exclusive, as in an export. */
  readonly since: string | undefined;
  /** Dates of care. */
  readonly care: DateRange | undefined;
  readonly origin: 'native' | 'imported' | 'all';
  readonly count: number;
  readonly page: string | undefined;
  /** Names of parameters that were not applied. */
  readonly ignored: readonly string[];
  /** What was applied, for the links. */
  readonly applied: URLSearchParams;
}

const DEFAULT_COUNT = 500;
const MAX_COUNT = 1000;
const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

export const EVERYTHING_PARAMETERS = ['start', 'end', '_since', '_type', '_count', 'origin'] as const;
export const EVERYTHING_PAGE = '_page';

/** @throws ExchangeError `request-invalid` naming the parameter */
export function readEverything(parameters: URLSearchParams): EverythingRequest {
  const applied = new URLSearchParams();
  const ignored = new Set<string>();
  for (const [name, value] of parameters) {
    if (FORM_PARAMETERS.has(name) || value === '' || name === EVERYTHING_PAGE) continue;
    if (isAccepted(name)) applied.append(name, value);
    else ignored.add(name);
  }
  const once = (name: string): string | undefined => {
    const values = applied.getAll(name);
    if (new Set(values).size > 1) throw invalid(name, 'one value');
    return values[0];
  };
  const types = applied
    .getAll('_type')
    .flatMap((list) => list.split(','))
    .map((type) => type.trim());
  if (!types.every(isResourceType)) throw invalid('_type', 'resource types of FHIR R4');
  return {
    types: types.length === 0 ? undefined : [...new Set(types)],
    since: instantOf(once('_since')),
    care: careOf(once('start'), once('end')),
    origin: originOf(once('origin')),
    count: countOf(once('_count')),
    page: parameters.get(EVERYTHING_PAGE) ?? undefined,
    ...{ ignored: [...ignored], applied },
  };
}

const isAccepted = (name: string): boolean => EVERYTHING_PARAMETERS.some((each) => each === name);

/** Dates of care from `start` to `end`, both inclusive. @throws ExchangeError `request-invalid` */
export function careOf(start: string | undefined, end: string | undefined): DateRange | undefined {
  if (start === undefined && end === undefined) return undefined;
  const from = start === undefined ? undefined : dateRange(start);
  const to = end === undefined ? undefined : dateRange(end);
  if (start !== undefined && from === undefined) throw invalid('start', 'a date');
  if (end !== undefined && to === undefined) throw invalid('end', 'a date');
  return { low: from?.low ?? -Infinity, high: to?.high ?? Infinity };
}

function instantOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // A plus sign that was not encoded arrives as a space.
  const written = text.replace(' ', '+');
  if (!INSTANT.test(written) || Number.isNaN(Date.parse(written))) throw invalid('_since', 'an instant');
  return new Date(written).toISOString();
}

function originOf(text: string | undefined): EverythingRequest['origin'] {
  if (text === undefined) return 'all';
  if (text === 'native' || text === 'imported' || text === 'all') return text;
  throw invalid('origin', 'native, imported, all');
}

function countOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_COUNT;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw invalid('_count', 'a whole number from 1 on');
  return Math.min(Number(text), MAX_COUNT);
}

function invalid(name: string, accepted: string): ExchangeError {
  return new ExchangeError('request-invalid', {
    expression: `Parameters.parameter.where(name = '${name}').value`,
    diagnostics: `Accepted for ${name}: ${accepted}.`,
  });
}
