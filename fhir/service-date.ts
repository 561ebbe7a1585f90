import { dateRange } from './date-range.ts';
import type { DateRange } from './date-range.ts';
import { listOf } from './member-match.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';

/** When a record's service ended: a FHIR date of any precision; undefined where it lasts, or tells of no date. */
export type ServiceEnd = string | undefined;

/** Elements that say when it took place, dates or periods; the first row of them that a record has counts. */
const DATES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  AdverseEvent: [['date'], ['detected'], ['recordedDate']],
  Appointment: [['end'], ['start']],
  ChargeItem: [['occurrenceDateTime', 'occurrencePeriod'], ['enteredDate']],
  Claim: [['billablePeriod', 'item.servicedDate', 'item.servicedPeriod'], ['created']],
  ClaimResponse: [['preAuthPeriod'], ['created']],
  ClinicalImpression: [['effectiveDateTime', 'effectivePeriod'], ['date']],
  Communication: [['received'], ['sent']],
  Composition: [['date']],
  Condition: [['abatementDateTime', 'abatementPeriod'], ['onsetDateTime', 'onsetPeriod'], ['recordedDate']],
  DeviceRequest: [['occurrenceDateTime', 'occurrencePeriod'], ['authoredOn']],
  DiagnosticReport: [['effectiveDateTime', 'effectivePeriod'], ['issued']],
  DocumentReference: [['context.period'], ['date']],
  Encounter: [['period']],
  ExplanationOfBenefit: [
    ['billablePeriod', 'preAuthRefPeriod', 'item.servicedDate', 'item.servicedPeriod'],
    ['created'],
  ],
  ImagingStudy: [['started']],
  Immunization: [['occurrenceDateTime'], ['recorded']],
  Invoice: [['date']],
  Media: [['createdDateTime', 'createdPeriod'], ['issued']],
  MedicationAdministration: [['effectiveDateTime', 'effectivePeriod']],
  MedicationDispense: [['whenHandedOver'], ['whenPrepared']],
  MedicationRequest: [['authoredOn']],
  MedicationStatement: [['effectiveDateTime', 'effectivePeriod'], ['dateAsserted']],
  NutritionOrder: [['dateTime']],
  Observation: [['effectiveDateTime', 'effectivePeriod', 'effectiveInstant'], ['issued']],
  Procedure: [['performedDateTime', 'performedPeriod']],
  QuestionnaireResponse: [['authored']],
  RiskAssessment: [['occurrenceDateTime', 'occurrencePeriod']],
  ServiceRequest: [['occurrenceDateTime', 'occurrencePeriod'], ['authoredOn']],
  Specimen: [['collection.collectedDateTime', 'collection.collectedPeriod'], ['receivedTime']],
  SupplyDelivery: [['occurrenceDateTime', 'occurrencePeriod']],
  VisionPrescription: [['dateWritten'], ['created']],
};

type Path = readonly string[];

const NO_ROWS: readonly (readonly Path[])[] = [];
/** The same with paths that are split, once for very many records. */
const ROWS: ReadonlyMap<string, readonly (readonly Path[])[]> = new Map(
  Object.entries(DATES).map(([type, rows]) => [type, rows.map((row) => row.map((path) => path.split('.')))]),
);

/** States of what goes on, whenever it began: a chronic illness, a prescription in use, an authorization that is not over. */
const LASTING: ReadonlySet<string> = new Set([
  'active',
  'in-progress',
  'on-hold',
  'recurrence',
  'relapse',
  'planned',
  'booked',
]);
/** Of these `status` tells of the record, not of the care. */
const BOOKED_STATUS: ReadonlySet<string> = new Set(['Claim', 'ClaimResponse', 'ExplanationOfBenefit']);

/** Types without a row (allergies, plans, goals, coverages, devices, persons) describe the member as of now. */
export function serviceEnd(resource: Fields): ServiceEnd {
  const type = String(resource['resourceType']);
  if (!BOOKED_STATUS.has(type) && statesOf(resource).some((state) => LASTING.has(state))) return undefined;
  for (const row of ROWS.get(type) ?? NO_ROWS) {
    const [first, ...others] = row.flatMap((path) => valuesAt(resource, path)).flatMap(endOf);
    if (first === undefined) continue;
    return others.reduce((latest, end) => (lastDay(latest) < lastDay(end) ? end : latest), first);
  }
  return undefined;
}

/**
 * The range of instants in which the care of a record took place: from its first date to its last. Undefined for what is
 * undated or describes the member as of now; open at its end for what lasts.
 */
export function careRange(resource: Fields): DateRange | undefined {
  const type = String(resource['resourceType']);
  for (const row of ROWS.get(type) ?? NO_ROWS) {
    const ranges = row.flatMap((path) => valuesAt(resource, path)).flatMap((value) => dateRange(value) ?? []);
    if (ranges.length === 0) continue;
    const lasts = !BOOKED_STATUS.has(type) && statesOf(resource).some((state) => LASTING.has(state));
    const high = lasts ? Infinity : Math.max(...ranges.map((range) => range.high));
    return { low: Math.min(...ranges.map((range) => range.low)), high };
  }
  return undefined;
}

/** Whether a service ended on this day or later, which `firstDay` tells; what lasts or is undated always did. */
export function isSince(end: ServiceEnd, day: string): boolean {
  return end === undefined || lastDay(end) >= day;
}

/** The first day of these years; a day earlier than ours: at the other payer, or where the care took place, it may be yesterday still. */
export function firstDay(years: number, asOf: Date): string {
  const year = asOf.getUTCFullYear() - years;
  const month = asOf.getUTCMonth();
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const day = Math.min(asOf.getUTCDate(), lastOfMonth);
  return new Date(Date.UTC(year, month, day - 1)).toISOString().slice(0, 10);
}

/** `2019` → `2019-12-31`: a date that is not exact counts to its last day. */
export function lastDay(date: string): string {
  const [, year = '', month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/.exec(date) ?? [];
  return `${year}-${month ?? '12'}-${day ?? '31'}`;
}

function statesOf(resource: Fields): string[] {
  const clinical = isRecord(resource['clinicalStatus']) ? listOf(resource['clinicalStatus'], 'coding') : [];
  return [resource['status'], ...clinical.map(({ code }) => code)].filter((state) => typeof state === 'string');
}

function valuesAt(value: unknown, path: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path));
  const [key, ...rest] = path;
  if (key === undefined) return [value];
  return isRecord(value) && value[key] !== undefined ? valuesAt(value[key], rest) : [];
}

/**
 * Of a period its end; its start where that is all it says: a claim's often is. What is no date of FHIR is none here, as
 * for the marks of a record, which tell of its years.
 */
function endOf(value: unknown): string[] {
  const said = isRecord(value) ? (value['end'] ?? value['start']) : value;
  return typeof said === 'string' && /^\d{4}(?:$|-\d\d)/.test(said) ? [said] : [];
}
