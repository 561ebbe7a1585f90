/** Why a received line is not stored, and the fixed sentence of each reason (it holds nothing of the line). */
export const REFUSALS = {
  'malformed-json': 'The line is not valid JSON.',
  'not-an-object': 'The line is not a JSON object.',
  'duplicate-key': 'An object of the line has the same key twice.',
  'unknown-type': 'The resourceType is missing or not a resource type of FHIR R4.',
  'not-a-record': 'The line is an OperationOutcome, Parameters or Bundle, not a record.',
  'wrong-type': 'The resource has another type than its file.',
  'missing-id': 'The resource has no id.',
  'invalid-id': 'The id is not a valid FHIR id.',
  'invalid-structure': 'meta, tag, identifier or extension has the wrong JSON type.',
  'duplicate-id': 'Another line has the same type and id and other content.',
  'foreign-member': 'The record is about another member.',
  'too-long': 'The line is longer than this server allows.',
  'not-a-deletion': 'The line of a deleted file is no Bundle of deletions by type and id.',
} as const;

export type RefusalReason = keyof typeof REFUSALS;
