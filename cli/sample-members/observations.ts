import { SYSTEMS, concept, hl7Concept, quantity, usCore } from './concepts.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { localText } from './times.ts';

interface Vital {
  readonly profile: string;
  readonly loinc: string;
  readonly display: string;
  readonly unit: string;
  readonly code: string;
  readonly from: number;
  readonly to: number;
  readonly places: number;
}

/** With fixed places: trailing zeros such as those of `98.60` carry meaning. */
const VITALS: readonly Vital[] = [
  {
    profile: 'body-weight',
    loinc: '29463-7',
    display: 'Body weight',
    unit: 'kg',
    code: 'kg',
    from: 48,
    to: 110,
    places: 2,
  },
  {
    profile: 'body-height',
    loinc: '8302-2',
    display: 'Body height',
    unit: 'cm',
    code: 'cm',
    from: 150,
    to: 195,
    places: 1,
  },
  {
    profile: 'bmi',
    loinc: '39156-5',
    display: 'Body mass index (BMI) [Ratio]',
    unit: 'kg/m2',
    code: 'kg/m2',
    from: 18,
    to: 34,
    places: 2,
  },
  {
    profile: 'heart-rate',
    loinc: '8867-4',
    display: 'Heart rate',
    unit: 'beats/minute',
    code: '/min',
    from: 55,
    to: 95,
    places: 0,
  },
  {
    profile: 'respiratory-rate',
    loinc: '9279-1',
    display: 'Respiratory rate',
    unit: 'breaths/minute',
    code: '/min',
    from: 12,
    to: 20,
    places: 0,
  },
];

export function observation(
  record: MemberRecord,
  { encounter, span }: Pick<Visit, 'encounter' | 'span'>,
  content: JsonObject,
): ResourceBody {
  return {
    ...record.newTarget('Observation'),
    status: 'final',
    subject: subjectOf(record),
    encounter: referenceTo(encounter),
    effectiveDateTime: localText(span.start),
    ...content,
  };
}

export function categoryOf(code: string, display: string): JsonObject[] {
  return [hl7Concept('observation-category', code, display)];
}

const VITAL_SIGNS = categoryOf('vital-signs', 'Vital Signs');

export function* vitalSigns(record: MemberRecord, visit: Visit): Generator<ResourceBody> {
  yield bloodPressure(record, visit);
  yield temperature(record, visit);
  for (const vital of record.random.some(VITALS, 4)) {
    const { profile, loinc, display, unit, code, from, to, places } = vital;
    yield observation(record, visit, {
      meta: usCore(profile),
      category: VITAL_SIGNS,
      code: concept(SYSTEMS.loinc, loinc, display),
      valueQuantity: quantity(record.random.decimal(from, to, places), unit, code),
    });
  }
}

function bloodPressure(record: MemberRecord, visit: Visit): ResourceBody {
  const { random } = record;
  const part = (loinc: string, display: string, digits: string): JsonObject => ({
    code: concept(SYSTEMS.loinc, loinc, display),
    valueQuantity: quantity(digits, 'mmHg', 'mm[Hg]'),
  });
  return observation(record, visit, {
    meta: usCore('blood-pressure'),
    category: VITAL_SIGNS,
    code: concept(SYSTEMS.loinc, '85354-9', 'Blood pressure panel with all children optional'),
    component: [
      part('8480-6', 'Systolic blood pressure', random.decimal(100, 150, 0)),
      part('8462-4', 'Diastolic blood pressure', random.decimal(60, 95, 0)),
    ],
  });
}

function temperature(record: MemberRecord, visit: Visit): ResourceBody {
  const digits = record.random.chance(0.5) ? '98.60' : record.random.decimal(97, 101, 2);
  return observation(record, visit, {
    meta: usCore('body-temperature'),
    category: VITAL_SIGNS,
    code: concept(SYSTEMS.loinc, '8310-5', 'Body temperature'),
    valueQuantity: quantity(digits, 'degF', '[degF]'),
  });
}

export function smokingStatus(record: MemberRecord, visit: Visit): ResourceBody {
  const [code, display] = record.random.pick([
    ['266919005', 'Never smoked tobacco'],
    ['8517006', 'Ex-smoker'],
  ] as const);
  return observation(record, visit, {
    meta: usCore('smokingstatus'),
    category: categoryOf('social-history', 'Social History'),
    code: concept(SYSTEMS.loinc, '72166-2', 'Tobacco smoking status'),
    valueCodeableConcept: concept(SYSTEMS.snomed, code, display),
  });
}
