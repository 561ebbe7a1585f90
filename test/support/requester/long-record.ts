import type { MemberInput } from '../responder/state.ts';

const FILLER = 'x'.repeat(330);
/** More than a batch of the import holds, and together more than one piece of a download. */
const OBSERVATIONS = 2300;

const subject = '"subject":{"reference":"Patient/p1"}';

function observation(index: number, more = ''): string {
  // Each points to the one behind it: the last of a batch to one that has not come yet.
  const next = index + 1 < OBSERVATIONS ? `"hasMember":[{"reference":"Observation/o${index + 1}"}],` : '';
  return `{"resourceType":"Observation","id":"o${index}","status":"final","code":{"text":"${FILLER}"},${subject},${next}"encounter":{"reference":"Encounter/e${index % 3}"},"performer":[{"reference":"Practitioner/dr${index % 2}"}]${more}}`;
}

const encounter = (id: string, status: string): string =>
  `{"resourceType":"Encounter","id":"${id}","status":"${status}",${subject},"diagnosis":[{"condition":{"reference":"Condition/c0"}}],"participant":[{"individual":{"reference":"Practitioner?identifier=urn:npi|1"}}],"serviceProvider":{"reference":"Organization/undelivered"}}`;

const practitioner = (id: string, npi: string, family: string): string =>
  `{"resourceType":"Practitioner","id":"${id}","identifier":[{"system":"urn:npi","value":"${npi}"}],"name":[{"family":"${family}"}]}`;

const patient = (family: string): string =>
  `{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:old","value":"M-1"}],"name":[{"family":"${family}","given":["Zoë"]}],"birthDate":"1974-12-25","generalPractitioner":[{"reference":"Practitioner/dr1"}]}`;

/** Asks for the record of this member. */
export const MEMBER_REQUEST = { request: { member: { id: 'p1' } } } as const;

/** What an earlier exchange brings: some of it comes again unchanged, some changed, some deleted. */
export const EARLIER_MEMBER: MemberInput = {
  patientId: 'p1',
  memberId: 'M-1',
  lines: {
    Patient: [patient('Person')],
    Practitioner: [practitioner('dr0', '1', 'One')],
    Encounter: [encounter('e0', 'finished'), encounter('e1', 'in-progress'), encounter('e9', 'cancelled')],
    Observation: Array.from({ length: 20 }, (_, index) => observation(index)),
  },
};

const deletion = (key: string): string =>
  `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"${key}"}}]}`;

/** Lines of the file of deletions that comes with the later export. */
export const DELETED_LINES: readonly string[] = [deletion('Encounter/e9'), deletion('Encounter/unknown'), 'no Bundle'];

/** All that an import can meet: several batches, pieces, rounds, refused and foreign lines, undelivered targets. */
export const LONG_MEMBER: MemberInput = {
  patientId: 'p1',
  memberId: 'M-1',
  lines: {
    Patient: [patient('Changed')],
    Practitioner: [practitioner('dr0', '1', 'One'), practitioner('dr1', '2', 'Two')],
    Encounter: [encounter('e0', 'finished'), encounter('e1', 'finished'), encounter('e2', 'finished')],
    Condition: [
      'no json',
      `{"resourceType":"Condition","id":"c0",${subject},"encounter":{"reference":"Encounter/e0"}}`,
    ],
    Observation: [
      ...Array.from({ length: OBSERVATIONS }, (_, index) => observation(index)),
      observation(0),
      observation(1, ',"note":[]'),
      observation(9999).replace('Patient/p1', 'Patient/somebody'),
      '{"resourceType":"Observation"}',
    ],
    Provenance: [
      '{"resourceType":"Provenance","id":"v0","target":[{"reference":"Observation/o7"},{"reference":"Encounter/e2"}],"agent":[{"who":{"reference":"Organization/undelivered"}}]}',
    ],
  },
  undelivered: {
    Organization: [
      '{"resourceType":"Organization","id":"undelivered","name":"Clinic","partOf":{"reference":"Organization/parent"}}',
      '{"resourceType":"Organization","id":"parent","name":"Group","partOf":{"reference":"Organization/gone"}}',
    ],
  },
};
