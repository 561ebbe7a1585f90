import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Insured } from './insured.ts';
import { insured } from './insured.ts';

export const MEMBER_SYSTEM = 'https://large-payer.example/fhir/identifier/member';
export const OWN_ORGANIZATION = {
  resourceType: 'Organization',
  id: 'large-payer',
  identifier: [{ system: 'https://large-payer.example/payers', value: 'large' }],
  name: 'Large payer',
};

export const coded = (system: string, code: string): object => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

const LINES_AT_ONCE = 500;
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';

function patient(member: Insured): object {
  const { patientId, family, given, gender, birthDate, memberNumber } = member;
  return {
    ...{ resourceType: 'Patient', id: patientId, meta: { profile: [`${US_CORE}/us-core-patient`] } },
    identifier: [{ type: coded('v2-0203', 'MB'), system: MEMBER_SYSTEM, value: memberNumber }],
    ...{ active: true, name: [{ use: 'official', family, given }], gender, birthDate },
    telecom: [{ system: 'phone', value: `555-01${memberNumber.slice(-2)}`, use: 'home' }],
    address: [{ use: 'home', line: ['12 Elm Street'], city: 'Springfield', state: 'MA', postalCode: '01103' }],
  };
}

function coverage({ coverageId, patientId, memberNumber, subscriberId, dependent }: Insured): object {
  return {
    ...{ resourceType: 'Coverage', id: coverageId, meta: { profile: [`${US_CORE}/us-core-coverage`] } },
    identifier: [{ type: coded('v2-0203', 'MB'), system: MEMBER_SYSTEM, value: memberNumber }],
    ...{ status: 'active', subscriberId, beneficiary: { reference: `Patient/${patientId}` }, dependent },
    relationship: coded('subscriber-relationship', dependent === '00' ? 'self' : 'other'),
    period: { start: '2020-01-01' },
    payor: [{ reference: `Organization/${OWN_ORGANIZATION.id}` }],
    class: [{ type: coded('coverage-class', 'group'), value: `G${memberNumber.slice(1, 4)}` }],
  };
}

/** Patients and Coverages of the members from one number up to before another, as gzipped NDJSON. */
export async function writeMembers(file: string, from: number, to: number): Promise<void> {
  await pipeline(Readable.from(chunks(from, to)), createGzip({ level: 1 }), createWriteStream(file));
}

function* chunks(from: number, to: number): Generator<string> {
  for (let at = from; at < to; at += LINES_AT_ONCE) {
    const lines: string[] = [];
    for (let index = at; index < Math.min(to, at + LINES_AT_ONCE); index++) {
      const member = insured(index);
      lines.push(JSON.stringify(patient(member)), JSON.stringify(coverage(member)));
    }
    yield `${lines.join('\n')}\n`;
  }
}
