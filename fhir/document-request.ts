import type { DateRange } from './date-range.ts';
import { ExchangeError } from './errors.ts';
import { careOf } from './everything.ts';
import { isFhirId } from './identifiers.ts';
import type { Fields } from './member-match.ts';
import { careRange } from './service-date.ts';

/** What `DocumentReference/$docref` asks for (US Core, OperationDefinition docref). */
export interface DocumentRequest {
  readonly patientId: string;
  /** Dates of care; undefined: of each type the current document. */
  readonly care: DateRange | undefined;
  /** As a search has it; undefined: all. */
  readonly type: string | undefined;
  /** Only documents that are made when they are asked for. */
  readonly onDemand: boolean;
  /** Names of parameters that were not applied. */
  readonly ignored: readonly string[];
  readonly applied: URLSearchParams;
}

const ACCEPTED: ReadonlySet<string> = new Set(['patient', 'start', 'end', 'type', 'on-demand']);
const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);

/** @throws ExchangeError `request-invalid` naming the parameter */
export function readDocumentRequest(parameters: URLSearchParams): DocumentRequest {
  const named = [...parameters].filter(([name, value]) => !FORM_PARAMETERS.has(name) && value !== '');
  const applied = new URLSearchParams(named.filter(([name]) => ACCEPTED.has(name)));
  const once = (name: string): string | undefined => {
    const values = applied.getAll(name);
    if (new Set(values).size > 1) throw invalid(name, 'one value');
    return values[0];
  };
  const patientId = once('patient')?.replace(/^Patient\//, '') ?? '';
  if (!isFhirId(patientId)) throw invalid('patient', 'the id of a Patient');
  const onDemand = once('on-demand') ?? 'false';
  if (onDemand !== 'true' && onDemand !== 'false') throw invalid('on-demand', 'true, false');
  return {
    ...{ patientId, care: careOf(once('start'), once('end')), type: once('type'), onDemand: onDemand === 'true' },
    ...{ ignored: [...new Set(named.map(([name]) => name).filter((name) => !ACCEPTED.has(name)))], applied },
  };
}

/** A document as far as it matters for which ones are asked for. */
export interface Document {
  readonly content: Fields;
  readonly lastUpdated: string;
}

/**
 * Those of a member's documents that are asked for: by their dates of care or, without dates, the current one of each type,
 * so that a current CCD is always among them. What was entered in error is none.
 */
export function documentsAsked<T extends Document>(documents: readonly T[], care: DateRange | undefined): readonly T[] {
  if (care !== undefined) {
    return documents.filter(({ content }) => {
      const range = careRange(content);
      const isOfCare = range === undefined || (range.low < care.high && range.high > care.low);
      return content['status'] !== 'entered-in-error' && isOfCare;
    });
  }
  const newest = new Map<string, T>();
  for (const document of documents) {
    if (document.content['status'] !== 'current') continue;
    const type = JSON.stringify(document.content['type'] ?? null);
    const known = newest.get(type);
    if (known === undefined || madeAt(document) > madeAt(known)) newest.set(type, document);
  }
  return [...newest.values()];
}

/** `DocumentReference.date` is when the reference was made, in the time zone of who made it. */
function madeAt({ content, lastUpdated }: Document): number {
  const { date } = content;
  const made = typeof date === 'string' ? Date.parse(date) : NaN;
  return Number.isNaN(made) ? Date.parse(lastUpdated) : made;
}

function invalid(name: string, accepted: string): ExchangeError {
  return new ExchangeError('request-invalid', {
    expression: `Parameters.parameter.where(name = '${name}').value`,
    diagnostics: `Accepted for ${name}: ${accepted}.`,
  });
}
