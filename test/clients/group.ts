import { createDirectory } from '../../cli/sample-members/directory.ts';
import { memberResources, sharedResources } from '../../cli/sample-members/generate.ts';
import { sampleMember } from '../../cli/sample-members/member.ts';
import type { SampleMember } from '../../cli/sample-members/member.ts';
import type { SampleResource } from '../../cli/sample-members/resource.ts';
import type { Answer, TestPayer } from '../support/payer.ts';
import { matchParameters } from '../unit/support/payer-session.ts';

const SEED = 'clients';
export const GROUP = 'former-members';

/** Loads three synthetic members with their records, and a Group of the first two. */
export async function loadGroup(payer: TestPayer): Promise<readonly SampleMember[]> {
  const directory = createDirectory(SEED);
  const members = [0, 1, 2].map((index) => sampleMember(SEED, index));
  const options = { resourcesPerMember: 160, referenceDate: '2026-06-30' };
  // Conditional references are resolved when they are written: what they name must be there before.
  await transaction(payer, [...sharedResources(directory)]);
  for (const member of members) await transaction(payer, [...memberResources(member, directory, options)]);
  const member = members.slice(0, 2).map(({ patientId }) => ({ entity: { reference: `Patient/${patientId}` } }));
  const group = { resourceType: 'Group', id: GROUP, type: 'person', actual: true, member };
  expectSuccess(await payer.ask('PUT', `Group/${GROUP}`, JSON.stringify(group)));
  return members;
}

/** The partner says who they are, and that they agree to all of it: without that nothing of them is exported. */
export async function matchMembers(fhirUrl: string, token: string, members: readonly SampleMember[]): Promise<void> {
  for (const { person, birthDate, memberNumber } of members) {
    const parameters = matchParameters({
      MemberPatient: {
        ...{ resourceType: 'Patient', id: '1', gender: person.gender, birthDate },
        name: [{ family: person.family, given: person.given }],
      },
    });
    const response = await fetch(`${fhirUrl}/Patient/$member-match`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
      body: JSON.stringify(parameters)
        .replace('"value":"M-1"', `"value":"${memberNumber}"`)
        .replace('html#regular"', 'html#sensitive"'),
    });
    if (response.status !== 200) throw new Error(`$member-match: ${response.status} ${await response.text()}`);
  }
}

async function transaction(payer: TestPayer, resources: readonly SampleResource[]): Promise<void> {
  const entries = resources.map(
    ({ type, id, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
  );
  const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
  expectSuccess(await payer.ask('POST', '', bundle));
}

function expectSuccess({ status, text }: Answer): void {
  if (status >= 300) throw new Error(`${status} ${text.slice(0, 500)}`);
}
