export interface Person {
  readonly family: string;
  readonly given: readonly string[];
  readonly gender: 'female' | 'male' | 'other' | 'unknown';
  /** The name in Latin letters, where the official one is not. */
  readonly latin?: { readonly family: string; readonly given: readonly string[] };
}

/** The first ones are what naive code breaks on; one is written with combining characters. */
export const PEOPLE: readonly Person[] = [
  { family: 'Nuñez-Çelik', given: ['Zoë', 'María'], gender: 'female' },
  { family: '王', given: ['小明'], gender: 'male', latin: { family: 'Wang', given: ['Xiaoming'] } },
  { family: 'Lefe\u0300vre', given: ['Ame\u0301lie'], gender: 'female' },
  { family: 'Ørsted', given: ['Søren'], gender: 'male' },
  { family: "O'Sullivan", given: ['Siobhán', 'Ann'], gender: 'female' },
  { family: 'Nguyễn', given: ['Thị', 'Ánh'], gender: 'female' },
  { family: 'van der Straaten', given: ['Jan-Willem'], gender: 'male' },
  { family: 'García y Vega', given: ['José', 'Ángel'], gender: 'male' },
  { family: 'Washington', given: ['Denise'], gender: 'female' },
  { family: 'Kowalczyk', given: ['Łukasz'], gender: 'male' },
  { family: 'Ahmadi', given: ['Parisa'], gender: 'female' },
  { family: 'Begay', given: ['Thomas', 'J.'], gender: 'male' },
  { family: 'Müller', given: ['Jürgen'], gender: 'male' },
  { family: 'Ọbáfẹ́mi', given: ['Adé'], gender: 'other' },
  { family: 'Kahananui', given: ['Leilani'], gender: 'female' },
  { family: 'Brown', given: ['Robert', 'Lee'], gender: 'male' },
  { family: '김', given: ['서연'], gender: 'female', latin: { family: 'Kim', given: ['Seo-yeon'] } },
  { family: 'Þorsteinsdóttir', given: ['Guðrún'], gender: 'female' },
];

export interface Place {
  readonly city: string;
  readonly state: string;
  readonly postalCode: string;
}

export const PLACES: readonly Place[] = [
  { city: 'Española', state: 'NM', postalCode: '87532' },
  { city: 'Springfield', state: 'MA', postalCode: '01103' },
  { city: 'Cañon City', state: 'CO', postalCode: '81212' },
  { city: 'Tucson', state: 'AZ', postalCode: '85701' },
  { city: 'San José', state: 'CA', postalCode: '95112' },
  { city: 'Duluth', state: 'MN', postalCode: '55802' },
];

export const STREETS: readonly string[] = [
  'Mesquite Avenue',
  'Doña Ana Road',
  'Elm Street',
  'Old Mill Lane',
  '4½ Street',
];

export const CLINICIANS: readonly Person[] = [
  { family: 'Abernathy', given: ['Ruth'], gender: 'female' },
  { family: 'Renée-Dubois', given: ['André'], gender: 'male' },
  { family: 'Okafor', given: ['Chidi'], gender: 'male' },
  { family: 'Sandoval', given: ['Inés'], gender: 'female' },
  { family: 'Patel', given: ['Anjali'], gender: 'female' },
  { family: 'Lindqvist', given: ['Åsa'], gender: 'female' },
  { family: 'Harris', given: ['Marcus'], gender: 'male' },
  { family: 'Tanaka', given: ['Yuki'], gender: 'female' },
  { family: 'Schultz', given: ['Peter'], gender: 'male' },
  { family: 'Dąbrowska', given: ['Ewa'], gender: 'female' },
  { family: 'Bello', given: ['Fatima'], gender: 'female' },
  { family: 'Cohen', given: ['Daniel'], gender: 'male' },
];
