import { describe, expect, it } from '@jest/globals';
import { readDeletedLine } from '../../../fhir/deleted-entries.ts';

const BASE = 'https://peer.example/fhir';

const bundle = (...requests: object[]): string =>
  JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: requests.map((request) => ({ request })) });

const deletion = (url: unknown): object => ({ method: 'DELETE', url });

describe('a line of a deleted file', () => {
  it('is read as in the example of Bulk Data Access', () => {
    const example =
      '{"resourceType":"Bundle","id":"bundle-transaction","meta":{"lastUpdated":"2020-04-27T02:56:00Z"},"type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/123"}}]}';
    expect(readDeletedLine(example, BASE)).toEqual({
      kind: 'deletions',
      entries: [{ type: 'Patient', originalId: '123' }],
    });
  });

  it('names several resources, relative or absolute to the base of its payer', () => {
    const line = bundle(deletion('Observation/a.b-1'), deletion(`${BASE}/Practitioner/2`), deletion(`${BASE}//Goal/3`));
    expect(readDeletedLine(line, BASE)).toEqual({
      kind: 'deletions',
      entries: [
        { type: 'Observation', originalId: 'a.b-1' },
        { type: 'Practitioner', originalId: '2' },
        { type: 'Goal', originalId: '3' },
      ],
    });
  });

  it('without entries deletes nothing', () => {
    expect(readDeletedLine('{"resourceType":"Bundle","type":"transaction"}', BASE)).toEqual({
      kind: 'deletions',
      entries: [],
    });
  });

  it.each([
    ['a deletion of what a query finds', bundle(deletion('Observation?code=1'))],
    ['an absolute deletion of what a query finds', bundle(deletion(`${BASE}/Observation?identifier=s|v`))],
    ['a deletion of one version', bundle(deletion('Observation/1/_history/2'))],
    ['a deletion on another server', bundle(deletion('https://other.example/fhir/Observation/1'))],
    ['a type that FHIR does not have', bundle(deletion('Nonsense/1'))],
    ['an id that FHIR does not allow', bundle(deletion('Observation/a_b'))],
    ['a type alone', bundle(deletion('Observation'))],
    ['no url', bundle({ method: 'DELETE' })],
    ['a url that is no text', bundle(deletion(7))],
    ['another method', bundle({ method: 'PUT', url: 'Observation/1' })],
    ['a deletion beside another method', bundle(deletion('Goal/1'), { method: 'POST', url: 'Goal' })],
    ['an entry without request', '{"resourceType":"Bundle","type":"transaction","entry":[{}]}'],
    ['an entry that is no object', '{"resourceType":"Bundle","type":"transaction","entry":[null]}'],
    ['entries that are no list', '{"resourceType":"Bundle","type":"transaction","entry":{}}'],
    ['a Bundle of another type', '{"resourceType":"Bundle","type":"collection"}'],
    ['a record', '{"resourceType":"Observation","id":"1"}'],
  ])('with %s is refused as a whole', (_name, line) => {
    expect(readDeletedLine(line, BASE)).toEqual({ kind: 'refused', reason: 'not-a-deletion' });
  });

  it.each([
    ['malformed-json', '{"resourceType":'],
    ['not-an-object', '[]'],
    ['not-an-object', 'null'],
  ])('is refused as %s', (reason, line) => {
    expect(readDeletedLine(line, BASE)).toEqual({ kind: 'refused', reason });
  });
});
