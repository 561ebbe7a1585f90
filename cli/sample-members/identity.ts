import { CARIN, PDEX, SYSTEMS, US_CORE, coding, concept, hl7Concept, identifierOf, usCore } from './concepts.ts';
import { decimal, escaped } from './json.ts';
import type { JsonObject } from './json.ts';
import { EXTENSIONS, PAYER_SYSTEMS, SAMPLE_PAYER } from './payer.ts';
import type { Person } from './people.ts';
import { coverageOf, patientOf, siteOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { DAY, dateText, instantText } from './times.ts';

const CORE = `${US_CORE}/StructureDefinition`;
const DATA_ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';
const REPRESENTATION = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation';

/** With what is hard to keep: siblings of primitives, nulls in arrays, a decimal in a nested extension, references there. */
export function patient(record: MemberRecord): ResourceBody {
  const { member, referenceTime } = record;
  const { person } = member;
  return {
    ...patientOf(record),
    meta: {
      lastUpdated: instantText(referenceTime),
      profile: [`${CORE}/us-core-patient`, `${CARIN}/StructureDefinition/C4BB-Patient|2.1.0`],
    },
    language: 'en-US',
    text: patientNarrative(record),
    extension: [
      omb('race', '2131-1', 'Other Race'),
      omb('ethnicity', '2186-5', 'Not Hispanic or Latino'),
      risk(record),
    ],
    identifier: [
      { use: 'official', ...identifierOf(PAYER_SYSTEMS.member, member.memberNumber, 'MB') },
      {
        type: concept(`${CARIN}/CodeSystem/C4BBIdentifierType`, 'um'),
        system: PAYER_SYSTEMS.uniqueMember,
        value: `UM${member.memberNumber}`,
      },
    ],
    active: true,
    name: namesOf(person),
    telecom: [{ system: 'phone', value: member.phone, use: 'home' }],
    gender: person.gender,
    birthDate: member.birthDate,
    _birthDate: {
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime',
          valueDateTime: `${member.birthDate}T14:35:45-05:00`,
        },
      ],
    },
    address: [{ use: 'home', ...member.address, city: escaped(member.address.city) }],
    maritalStatus: concept('http://terminology.hl7.org/CodeSystem/v3-NullFlavor', 'UNK', 'unknown'),
    communication: [{ language: concept('urn:ietf:bcp:47', 'en-US', 'English (United States)'), preferred: true }],
  };
}

function patientNarrative({ member }: MemberRecord): JsonObject {
  const link = `<a href="https://meadowlark.example/members?id=1&amp;view=card">card</a>`;
  const coverage = `<a href="Coverage/${member.coverageId}">coverage</a>`;
  return {
    status: 'additional',
    div: `<div xmlns="http://www.w3.org/1999/xhtml"><p id="name">${namesText(member.person)}</p><p>${link}, ${coverage}, <a href="#name">top</a></p></div>`,
  };
}

function namesText({ family, given }: Person): string {
  return `${given.join(' ')} ${family}`;
}

function namesOf(person: Person): JsonObject[] {
  const { family, given, latin } = person;
  if (latin === undefined) {
    const absent = { extension: [{ url: DATA_ABSENT, valueCode: 'masked' }] };
    return [
      { use: 'official', family, given },
      { use: 'nickname', given: [...given, null], _given: [...given.map(() => null), absent] },
    ];
  }
  const written = (valueCode: string): JsonObject[] => [{ url: REPRESENTATION, valueCode }];
  return [
    { extension: written('IDE'), use: 'official', family, given },
    { extension: written('ABC'), use: 'official', family: latin.family, given: latin.given },
  ];
}

function omb(name: 'race' | 'ethnicity', code: string, display: string): JsonObject {
  return {
    url: `${CORE}/us-core-${name}`,
    extension: [
      { url: 'ombCategory', valueCoding: coding(SYSTEMS.omb, code, display) },
      { url: 'text', valueString: display },
    ],
  };
}

function risk(record: MemberRecord): JsonObject {
  return {
    url: `${EXTENSIONS}/risk-score`,
    extension: [
      { url: 'score', valueDecimal: decimal('0.10') },
      { url: 'weight', valueDecimal: decimal('1.00e-2') },
      { url: 'assessedBy', valueReference: referenceTo(record.directory.payer, SAMPLE_PAYER.display) },
    ],
  };
}

export function coverage(record: MemberRecord): ResourceBody {
  const { member, referenceTime, directory } = record;
  const ofClass = (code: string, value: string, name: string): JsonObject => ({
    type: hl7Concept('coverage-class', code),
    value,
    name,
  });
  return {
    ...coverageOf(record),
    meta: {
      lastUpdated: instantText(referenceTime),
      profile: [`${CORE}/us-core-coverage`, `${CARIN}/StructureDefinition/C4BB-Coverage|2.1.0`],
    },
    identifier: [
      { ...identifierOf(PAYER_SYSTEMS.member, member.memberNumber, 'MB'), assigner: referenceTo(directory.payer) },
    ],
    status: 'active',
    type: concept(SYSTEMS.actCode, 'PPO', 'preferred provider organization policy'),
    subscriberId: member.subscriberId,
    beneficiary: subjectOf(record),
    dependent: member.dependent,
    relationship: hl7Concept('subscriber-relationship', member.dependent === '00' ? 'self' : 'child'),
    period: { start: dateText(referenceTime - 2300 * DAY), end: dateText(referenceTime) },
    payor: [referenceTo(directory.payer, SAMPLE_PAYER.display)],
    class: [ofClass('group', member.groupNumber, 'Employees'), ofClass('plan', 'PPO-2', 'Meadowlark PPO Gold')],
    network: 'Meadowlark Select',
  };
}

export function relatedPerson(record: MemberRecord): ResourceBody {
  const { member, newTarget } = record;
  return {
    ...newTarget('RelatedPerson'),
    meta: usCore('relatedperson'),
    active: true,
    patient: subjectOf(record),
    relationship: [hl7Concept('v3-RoleCode', 'NOK', 'next of kin')],
    name: [{ family: member.person.family, given: ['Alex'] }],
    telecom: [{ system: 'phone', value: member.phone, use: 'home' }],
  };
}

/** PDex asks for the Device of a member whether it is implanted or not. */
export function device(record: MemberRecord): ResourceBody {
  const { random, newTarget, referenceTime } = record;
  const serial = random.digits(8);
  const lot = random.digits(6);
  return {
    ...newTarget('Device'),
    meta: { profile: [`${CORE}/us-core-implantable-device`, `${PDEX}/StructureDefinition/pdex-device`] },
    udiCarrier: [
      {
        deviceIdentifier: '09504000059118',
        carrierHRF: `(01)09504000059118(10)${lot}(21)${serial}`,
      },
    ],
    status: 'active',
    distinctIdentifier: '09504000059118',
    manufactureDate: dateText(referenceTime - 1500 * DAY),
    lotNumber: lot,
    serialNumber: serial,
    deviceName: [{ name: 'Home CPAP unit', type: 'user-friendly-name' }],
    type: concept(SYSTEMS.snomed, '702172008', 'Home continuous positive airway pressure unit'),
    patient: subjectOf(record),
    owner: referenceTo(siteOf(record, 'hospital').organization),
  };
}
