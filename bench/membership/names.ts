/** Common ones first; behind them come made ones, down to those that few have. */
const COMMON = [
  ...['Smith', 'Johnson', 'Williams', 'Brown', 'Jones', 'Garcia', 'Miller', 'Davis', 'Rodriguez', 'Martinez'],
  ...['Hernandez', 'Lopez', 'Gonzalez', 'Wilson', 'Anderson', 'Thomas', 'Taylor', 'Moore', 'Jackson', 'Martin'],
  ...['Lee', 'Perez', 'Thompson', 'White', 'Harris', 'Sanchez', 'Clark', 'Ramirez', 'Lewis', 'Robinson'],
  ...['Walker', 'Young', 'Allen', 'King', 'Wright', 'Scott', 'Torres', 'Nguyen', "O'Brien", 'Núñez'],
] as const;

const FIRST = ['Bar', 'Cor', 'Dal', 'Fen', 'Gar', 'Hal', 'Kes', 'Lan', 'Mor', 'Nor', 'Pel', 'Ros', 'Sal', 'Ter', 'Wil'];
const MIDDLE = ['a', 'de', 'en', 'er', 'i', 'la', 'le', 'ma', 'ne', 'o', 'ri', 'sa', 'ti', 'u', 've', 'wa'];
const LAST = [
  'berg',
  'by',
  'den',
  'dorf',
  'ez',
  'field',
  'ford',
  'ham',
  'ley',
  'man',
  'son',
  'ski',
  'ston',
  'ton',
  'wick',
];

const FAMILIES: readonly string[] = [
  ...COMMON,
  ...FIRST.flatMap((first) => MIDDLE.flatMap((middle) => LAST.map((last) => `${first}${middle}${last}`))),
];

export const GIVEN = {
  female: [
    ...['Mary', 'Patricia', 'Jennifer', 'Linda', 'Elizabeth', 'Barbara', 'Susan', 'Jessica', 'Karen', 'Sarah', 'Lisa'],
    ...['Nancy', 'Sandra', 'Ashley', 'Emily', 'Kimberly', 'Margaret', 'Donna', 'Michelle', 'Carol', 'Amanda', 'Zoë'],
  ],
  male: [
    ...['James', 'Michael', 'Robert', 'John', 'David', 'William', 'Richard', 'Joseph', 'Thomas', 'Christopher', 'José'],
    ...['Charles', 'Daniel', 'Matthew', 'Anthony', 'Mark', 'Steven', 'Donald', 'Andrew', 'Joshua', 'Paul', 'Kenneth'],
  ],
} as const;

/** How much more common the first names are than the later ones (Zipf's law, its head flattened). */
const FLATTENED = 10;

/** The family name that so large a part of all people (0 to 1) comes before. */
export function familyAt(part: number): string {
  const rank = Math.floor(FLATTENED * (((FAMILIES.length + FLATTENED) / FLATTENED) ** part - 1));
  return FAMILIES[Math.min(rank, FAMILIES.length - 1)] ?? '';
}
