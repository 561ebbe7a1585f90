import { isRecord } from './parameters.ts';

/** Elements of Patient that tell who somebody is, and that two payers may hold differently. */
export const DEMOGRAPHICS = ['name', 'birthDate', 'gender', 'deceased', 'address', 'telecom'] as const;
export type Demographic = (typeof DEMOGRAPHICS)[number];

type Fields = Readonly<Record<string, unknown>>;

/**
 * The elements in which two Patients of one human being contradict each other. What one of them does not say is no
 * difference; of lists, one common entry is enough.
 */
export function demographicDifferences(one: unknown, other: unknown): readonly Demographic[] {
  if (!isRecord(one) || !isRecord(other)) return [];
  const [first, second] = [valuesOf(one), valuesOf(other)];
  return DEMOGRAPHICS.filter((element) => {
    const [mine, theirs] = [first[element], second[element]];
    return (
      mine.length > 0 &&
      theirs.length > 0 &&
      !mine.some((value) => theirs.some((their) => agree(element, value, their)))
    );
  });
}

/** A year agrees with a day in it, a family name with the same one and a given name. */
function agree(element: Demographic, one: string, other: string): boolean {
  if (element !== 'birthDate' && element !== 'name') return one === other;
  return `${one} `.startsWith(`${other} `) || `${other} `.startsWith(`${one} `);
}

function valuesOf(patient: Fields): Readonly<Record<Demographic, readonly string[]>> {
  return {
    name: listOf(patient, 'name').flatMap(({ family, given }) => {
      const first: unknown = Array.isArray(given) ? given[0] : undefined;
      return typeof family === 'string' ? [`${normal(family)} ${normal(first)}`.trim()] : [];
    }),
    birthDate: textsOf(patient, 'birthDate').map((date) => date.replaceAll('-', ' ')),
    gender: textsOf(patient, 'gender'),
    deceased: deceasedOf(patient),
    address: listOf(patient, 'address').flatMap(({ postalCode }) =>
      typeof postalCode === 'string' && normal(postalCode) !== '' ? [postalCodeOf(postalCode)] : [],
    ),
    telecom: listOf(patient, 'telecom').flatMap(({ value }) => (typeof value === 'string' ? [telecomOf(value)] : [])),
  };
}

function deceasedOf(patient: Fields): readonly string[] {
  if (typeof patient['deceasedDateTime'] === 'string') return ['true'];
  return typeof patient['deceasedBoolean'] === 'boolean' ? [String(patient['deceasedBoolean'])] : [];
}

/** In the United States the last four digits say where in the place, and are often left out. */
function postalCodeOf(code: string): string {
  return /^\s*(\d{5})(?:\D|\d{4}|$)/.exec(code)?.[1] ?? normal(code);
}

/** Numbers by their last ten digits, addresses as they are read. */
function telecomOf(value: string): string {
  const digits = value.replace(/\D/g, '');
  return value.includes('@') || digits.length < 7 ? value.trim().toLowerCase() : digits.slice(-10);
}

/** Case, accents and punctuation make no other name. */
function normal(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .toLowerCase();
}

function textsOf(patient: Fields, element: string): readonly string[] {
  const value = patient[element];
  return typeof value === 'string' ? [value] : [];
}

function listOf(patient: Fields, element: string): readonly Fields[] {
  const list = patient[element];
  return Array.isArray(list) ? list.filter(isRecord) : [];
}
