import type { Parameters } from 'fhir/r4.js';
import type { SampleMember } from '../../cli/sample-members/member.ts';
import { PAYER_SYSTEMS } from '../../cli/sample-members/payer.ts';
import { matchParameters } from '../unit/support/payer-session.ts';

/** What a partner posts to be told who a generated member is; `changed` and `consent` replace what it would say. */
export function sampleMatch(
  member: SampleMember,
  changed: Record<string, unknown> = {},
  consent: Record<string, unknown> = {},
): Parameters {
  const whole = matchParameters({
    MemberPatient: {
      resourceType: 'Patient',
      id: '1',
      name: [{ family: member.person.family.toUpperCase(), given: member.person.given }],
      gender: member.person.gender,
      birthDate: member.birthDate,
    },
    ...changed,
  }) as { parameter: { name: string; resource: Record<string, unknown> }[] };
  for (const { name, resource } of whole.parameter) {
    if (name === 'CoverageToMatch' && changed['CoverageToMatch'] === undefined) {
      resource['identifier'] = [{ system: PAYER_SYSTEMS.member, value: member.memberNumber }];
    }
    if (name === 'Consent') Object.assign(resource, consent);
  }
  return whole as unknown as Parameters;
}
