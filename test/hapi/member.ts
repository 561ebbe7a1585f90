import { createDirectory } from '../../cli/sample-members/directory.ts';
import { memberResources, sharedResources } from '../../cli/sample-members/generate.ts';
import { sampleMember } from '../../cli/sample-members/member.ts';
import type { SampleMember } from '../../cli/sample-members/member.ts';
import type { SampleResource } from '../../cli/sample-members/resource.ts';

const SEED = 'hapi';

/** Puts a synthetic member with all its records into a FHIR server; ids stay as they are. */
export async function loadMember(fhirUrl: string, index: number): Promise<SampleMember> {
  const directory = createDirectory(SEED);
  const member = sampleMember(SEED, index);
  // Conditional references are resolved when they are written: what they name must be there before.
  await transaction(fhirUrl, [...sharedResources(directory)]);
  await transaction(fhirUrl, [
    ...memberResources(member, directory, { resourcesPerMember: 300, referenceDate: '2026-06-30' }),
  ]);
  return member;
}

/** A Group of this member alone. */
export async function loadGroup(fhirUrl: string, patientId: string): Promise<void> {
  const member = [{ entity: { reference: `Patient/${patientId}` } }];
  const group = { resourceType: 'Group', id: `of-${patientId}`, type: 'person', actual: true, member };
  await transaction(fhirUrl, [{ type: 'Group', id: group.id, text: JSON.stringify(group) }]);
}

async function transaction(fhirUrl: string, resources: readonly SampleResource[]): Promise<void> {
  const entries = resources.map(
    ({ type, id, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
  );
  const answer = await fetch(fhirUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`,
  });
  if (answer.status !== 200) throw new Error(`transaction: ${answer.status} ${await answer.text()}`);
}
