import { SYSTEMS, concept, hl7Concept, identifierOf, usCore } from './concepts.ts';
import type { JsonObject } from './json.ts';
import type { SampleMember } from './member.ts';
import type { PayerName } from './payer.ts';
import { stableId } from './random.ts';
import { printed } from './resource.ts';
import type { SampleResource } from './resource.ts';

export interface LocalPatientOptions {
  /** `referenceSystem` of the requesting payer: occurs on the Patient exactly once. */
  readonly referenceSystem: string;
  /** The requesting payer. */
  readonly payer: PayerName;
  /** First day of the new coverage. */
  readonly coverageStart: string;
}

/** Id of the member's own Patient at the requesting payer. */
export function localPatientId(member: SampleMember): string {
  return stableId(member.seed, 'local', member.index, 'Patient');
}

/** The member as the requesting payer knows them before the exchange. */
export function localPatientFor(
  member: SampleMember,
  options: LocalPatientOptions,
): { readonly patient: SampleResource; readonly coverage: SampleResource } {
  const { person, birthDate, address, phone } = member;
  const patient = {
    resourceType: 'Patient',
    id: localPatientId(member),
    meta: usCore('patient'),
    identifier: [identifierOf(options.referenceSystem, localMemberNumber(member), 'MR')],
    active: true,
    name: [{ use: 'official', family: person.family, given: person.given }],
    telecom: [{ system: 'phone', value: phone, use: 'home' }],
    gender: person.gender,
    birthDate,
    address: [{ use: 'home', ...address }],
  };
  const coverage = { ...localCoverage(member, options), meta: usCore('coverage') };
  return { patient: printed(patient), coverage: printed(coverage) };
}

function localMemberNumber({ seed, index }: SampleMember): string {
  return `N${stableId(seed, 'local', index, 'number').slice(0, 8).toUpperCase()}`;
}

/** The member's coverage at the requesting payer: also the CoverageToLink of a match. */
export function localCoverage(
  member: SampleMember,
  { payer, coverageStart }: Pick<LocalPatientOptions, 'payer' | 'coverageStart'>,
): JsonObject & { readonly resourceType: string; readonly id: string } {
  const number = localMemberNumber(member);
  return {
    resourceType: 'Coverage',
    id: stableId(member.seed, 'local', member.index, 'Coverage'),
    identifier: [identifierOf(systemOf(payer, 'member'), number, 'MB')],
    status: 'active',
    type: concept(SYSTEMS.actCode, 'HMO', 'health maintenance organization policy'),
    subscriberId: number,
    beneficiary: { reference: `Patient/${localPatientId(member)}` },
    relationship: hl7Concept('subscriber-relationship', 'self'),
    period: { start: coverageStart },
    payor: [payorOf(payer)],
    class: [{ type: hl7Concept('coverage-class', 'plan'), value: 'HMO-1', name: 'HMO Silver' }],
  };
}

/** An identifier system of a payer's own. */
export function systemOf({ value }: PayerName, name: string): string {
  return `https://payer-${value}.example/fhir/identifier/${name}`;
}

export function payorOf({ system, value, display }: PayerName): JsonObject {
  return { type: 'Organization', identifier: { system, value }, display };
}
