import { describe, expect, it } from '@jest/globals';
import { readRecord } from '../../../fhir/import-inspect.ts';
import { transformForImport } from '../../../fhir/import-transform.ts';
import type { ImportContext } from '../../../fhir/import-transform.ts';
import { scanRecord } from '../../../fhir/record-scan.ts';
import { importContext } from './import-context.ts';

const anchor = importContext().anchorPatientId;

function reason(text: string, more: Partial<ImportContext> = {}): string {
  const result = transformForImport(text, importContext(more));
  return result.kind === 'refused' ? result.reason : 'stored';
}

describe('refusals', () => {
  const other = '{"reference":"Patient/m2"}';

  it.each([
    ['malformed-json', '{"resourceType":"Observation","id":"1"'],
    ['malformed-json', ''],
    ['not-an-object', '[]'],
    ['not-an-object', 'null'],
    ['unknown-type', '{"id":"1"}'],
    ['unknown-type', '{"resourceType":"toString","id":"1"}'],
    ['not-a-record', '{"resourceType":"OperationOutcome","id":"1"}'],
    ['not-a-record', '{"resourceType":"Parameters"}'],
    ['not-a-record', '{"resourceType":"Bundle","id":"1"}'],
    ['missing-id', '{"resourceType":"Observation"}'],
    ['missing-id', '{"resourceType":"Observation","id":""}'],
    ['invalid-id', '{"resourceType":"Observation","id":7}'],
    ['invalid-id', '{"resourceType":"Observation","id":"a/b"}'],
    ['foreign-member', '{"resourceType":"Patient","id":"m2"}'],
    ['foreign-member', `{"resourceType":"Observation","id":"1","subject":${other}}`],
    [
      'foreign-member',
      `{"resourceType":"Group","id":"1","member":[{"entity":{"reference":"Patient/m1"}},{"entity":${other}}]}`,
    ],
    ['foreign-member', `{"resourceType":"Task","id":"1","for":${other}}`],
    ['foreign-member', `{"resourceType":"Person","id":"1","link":[{"target":${other}}]}`],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/not_valid"}}'],
    [
      'foreign-member',
      '{"resourceType":"Observation","id":"1","subject":{"reference":"https://x.example/Patient/m2/_history/1"}}',
    ],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|v"}}'],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?name=x"}}'],
    [
      'duplicate-key',
      `{"resourceType":"Observation","id":"1","subject":${other},"subject":{"reference":"Patient/m1"}}`,
    ],
    ['duplicate-key', '{"resourceType":"Observation","id":"1","\\u0069d":"2"}'],
    ['duplicate-key', '{"resourceType":"Observation","id":"1","status":"a","status":"b"}'],
    ['duplicate-key', '{"resourceType":"Observation","id":"1","meta":{"tag":[],"tag":[]}}'],
    [
      'duplicate-key',
      '{"resourceType":"Observation","id":"1","focus":[{"reference":"Device/1","reference":"Device/2"}]}',
    ],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","meta":[]}'],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","meta":{"tag":{}}}'],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","identifier":{"system":"s","value":"v"}}'],
    [
      'invalid-structure',
      '{"resourceType":"Observation","id":"1","focus":[{"reference":"Device/gone","extension":{}}]}',
    ],
  ])('%s: %s', (expected, line) => {
    expect(reason(line)).toBe(expected);
  });

  it.each([
    [
      'a Person that is the member and one more record',
      `{"resourceType":"Person","id":"1","link":[{"target":{"reference":"Patient/m1"}},{"target":${other}}]}`,
    ],
    [
      'a Coverage that another subscribes',
      `{"resourceType":"Coverage","id":"1","beneficiary":{"reference":"Patient/m1"},"subscriber":${other}}`,
    ],
    [
      'the Patient that links to another',
      `{"resourceType":"Patient","id":"m1","link":[{"other":${other},"type":"seealso"}]}`,
    ],
    [
      'the member by condition',
      '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|me"}}',
    ],
    ['a subject that is no Patient', '{"resourceType":"Observation","id":"1","subject":{"reference":"Location/1"}}'],
  ])('not %s', (_name, line) => {
    expect(reason(line, { resolveIdentifier: (_type, _system, value) => (value === 'me' ? anchor : undefined) })).toBe(
      'stored',
    );
  });

  it('wrong-type where the file is announced with another', () => {
    const line = '{"resourceType":"Observation","id":"1"}';
    expect(reason(line, { expectedType: 'Condition' })).toBe('wrong-type');
    expect(reason(line, { expectedType: 'Observation' })).toBe('stored');
  });

  it('are seen by a first pass too, but for conditions on the Patient', () => {
    const context = { memberId: 'm1', peerBase: 'https://peer.example/fhir' };
    const verdict = (line: string) => {
      const result = readRecord(line, scanRecord(line), context);
      return result.kind === 'refused' ? result.reason : result.originalId;
    };
    expect(verdict(`{"resourceType":"Observation","id":"1","subject":${other}}`)).toBe('foreign-member');
    expect(verdict('{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|v"}}')).toBe(
      '1',
    );
  });
});
