import type { RefusalReason } from '../../../fhir/refusals.ts';

/** What may stand in a file of Observations, and what becomes of it. */
export interface BadLine {
  readonly kind: string;
  readonly file: Buffer;
  /** Ids at the payer of the records that are stored, and a piece of each that must stand in it as it came. */
  readonly stored: Readonly<Record<string, string>>;
  readonly refused: readonly (readonly [line: number, reason: RefusalReason])[];
  /** Lines that are not blank. */
  readonly lines: number;
  readonly maxLineBytes?: number;
}

export const observation = (id: string, more = '"note":[]'): string =>
  `{"resourceType":"Observation","id":"${id}","status":"final","subject":{"reference":"Patient/p1"},${more}}`;

const GOOD = { first: '"note":[]', last: '"note":[]' };
const bytesOf = (line: string | Buffer): Buffer => (typeof line === 'string' ? Buffer.from(line, 'utf8') : line);

/** A good line, the lines in question, and a good line: what is wrong with one must not reach another. */
function among(lines: readonly (string | Buffer)[], end = '\n'): Buffer {
  const all = [observation('first'), ...lines, observation('last')].map(bytesOf);
  return Buffer.concat(all.flatMap((line) => [line, Buffer.from(end)]));
}

const refusedLine = (kind: string, line: string | Buffer, reason: RefusalReason): BadLine => ({
  ...{ kind, file: among([line]), stored: GOOD, refused: [[2, reason]], lines: 3 },
});

/** `piece` stands in the stored record as it stood in the line. */
const keptLine = (kind: string, piece: string, line = observation('odd', piece)): BadLine => ({
  ...{ kind, file: among([line]), stored: { ...GOOD, odd: piece }, refused: [], lines: 3 },
});

const withBytes = (before: string, bytes: readonly number[], after: string): Buffer =>
  Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);

const inText = (bytes: readonly number[]): Buffer => {
  const [before = '', after = ''] = observation('odd', '"code":{"text":"@"}').split('@');
  return withBytes(before, bytes, after);
};

const DEPTH = 10_000;
const deepArray = `"deep":${'['.repeat(DEPTH)}1.50${']'.repeat(DEPTH)}`;
const deepExtension = `${'{"url":"u","extension":['.repeat(DEPTH)}{"url":"v","valueReference":{"reference":"#x"}}${']}'.repeat(DEPTH)}`;
const large = (bytes: number): string => `"note":[{"text":"${'x'.repeat(bytes)}"}]`;
const MEGABYTE = 1024 * 1024;

export const BAD_LINES: readonly BadLine[] = [
  refusedLine('JSON that breaks off', '{"resourceType":"Observation","id":"odd"', 'malformed-json'),
  refusedLine('two objects in one line', observation('a') + observation('b'), 'malformed-json'),
  refusedLine('a byte order mark inside the file', `\uFEFF${observation('odd')}`, 'malformed-json'),
  refusedLine('a NUL as it is in a string', inText([0]), 'malformed-json'),
  refusedLine('nothing but a NUL', Buffer.from([0]), 'malformed-json'),
  refusedLine('a byte that no UTF-8 has', inText([0xff]), 'malformed-json'),
  refusedLine('Latin-1', inText([0xe9]), 'malformed-json'),
  refusedLine('a surrogate in UTF-8', inText([0xed, 0xa0, 0x80]), 'malformed-json'),
  refusedLine('an overlong slash', inText([0xc0, 0xaf]), 'malformed-json'),
  refusedLine('null', 'null', 'not-an-object'),
  refusedLine('an array', `[${observation('odd')}]`, 'not-an-object'),
  refusedLine('a string', '"Observation/odd"', 'not-an-object'),
  refusedLine('a number', '1', 'not-an-object'),
  refusedLine('an empty object', '{}', 'unknown-type'),
  refusedLine('a type that FHIR R4 does not know', '{"resourceType":"Nonsense","id":"odd"}', 'unknown-type'),
  refusedLine('a type that is no string', '{"resourceType":["Observation"],"id":"odd"}', 'unknown-type'),
  refusedLine('the type of another file', observation('odd').replace('Observation', 'Condition'), 'wrong-type'),
  refusedLine('an OperationOutcome', '{"resourceType":"OperationOutcome","issue":[]}', 'not-a-record'),
  refusedLine('a header of Parameters', '{"resourceType":"Parameters","parameter":[]}', 'not-a-record'),
  refusedLine('a Bundle', '{"resourceType":"Bundle","type":"collection"}', 'not-a-record'),
  refusedLine('a record of another member', observation('odd').replace('/p1', '/p2'), 'foreign-member'),
  refusedLine('no id', observation('odd').replace('"id":"odd",', ''), 'missing-id'),
  refusedLine('an empty id', observation(''), 'missing-id'),
  refusedLine('an id that is no FHIR id', observation('o/d'), 'invalid-id'),
  refusedLine('an id of 65 characters', observation('x'.repeat(65)), 'invalid-id'),
  refusedLine('a number as id', observation('odd').replace('"odd"', '7'), 'invalid-id'),
  refusedLine('a key twice in the root', observation('odd', '"status":"amended"'), 'duplicate-key'),
  refusedLine('a key twice in the root, once escaped', observation('odd', '"\\u0073tatus":"amended"'), 'duplicate-key'),
  refusedLine('a key twice in meta', observation('odd', '"meta":{"source":"a","source":"b"}'), 'duplicate-key'),
  refusedLine(
    'a reference twice, the other one of another member',
    observation('odd').replace('"reference":', '"reference":"Patient/p2","reference":'),
    'duplicate-key',
  ),
  refusedLine(
    'a reference twice, the last one of another member',
    observation('odd').replace('"Patient/p1"', '"Patient/p1","reference":"Patient/p2"'),
    'foreign-member',
  ),
  refusedLine('meta that is no object', observation('odd', '"meta":[]'), 'invalid-structure'),
  refusedLine('an identifier that is no list', observation('odd', '"identifier":{"value":"1"}'), 'invalid-structure'),
  keptLine('a key twice further down', '"code":{"text":"a","text":"b"}'),
  keptLine('dates that no calendar has', '"effectiveDateTime":"2024-13-45","issued":"yesterday"'),
  keptLine('a year alone', '"effectiveDateTime":"2024"'),
  keptLine('a number beyond every double', '"valueQuantity":{"value":1e400}'),
  keptLine('a negative zero', '"valueQuantity":{"value":-0}'),
  keptLine('a zero behind the decimals', '"valueQuantity":{"value":1.50}'),
  keptLine('more digits than a double has', '"valueQuantity":{"value":12345678901234567890.12345678901234567890}'),
  keptLine('half of a surrogate pair, escaped', '"code":{"text":"\\ud800"}'),
  keptLine('the two halves in the wrong order', '"code":{"text":"\\udc00\\ud800"}'),
  keptLine('a NUL, escaped', '"code":{"text":"a\\u0000b"}'),
  keptLine(
    'a NUL in an identifier',
    '"identifier":[{"system":"s\\u0000","value":"v\\u0000"}',
    observation('odd', '"identifier":[{"system":"s\\u0000","value":"v\\u0000"}]'),
  ),
  keptLine('a NUL in a reference', '"performer":[{"reference":"Practitioner/a\\u0000b"}]'),
  keptLine(
    'a NUL in a conditional reference',
    '"performer":[{"reference":"Practitioner?identifier=s\\u0000|v\\u0000"}]',
  ),
  keptLine(
    'a NUL in the URL of an attachment',
    '"extension":[{"valueAttachment":{"contentType":"a\\u0000","url":"http://127.0.0.1:9/\\u0000"}}]',
  ),
  keptLine(
    'half of a surrogate pair in the URL of an attachment',
    '"extension":[{"valueAttachment":{"contentType":"t","url":"http://127.0.0.1:9/\\ud800"}}]',
  ),
  keptLine(
    'half of a surrogate pair in a conditional reference',
    '"performer":[{"reference":"Practitioner?identifier=s|\\ud800"}]',
  ),
  keptLine('characters beyond the first plane', '"code":{"text":"😀 王 é"}'),
  keptLine('line separators of Unicode', '"code":{"text":"a\u2028b\u2029c\u0085d"}'),
  keptLine('backslashes and tabs', '"code":{"text":"\\\\N \\\\. \\t \\\\t \\\\\\\\"}'),
  keptLine('the key __proto__', '"__proto__":{"resourceType":"Patient","id":"x"}'),
  keptLine('keys of objects in JavaScript', '"constructor":{"prototype":{}},"toString":1,"hasOwnProperty":null'),
  keptLine('escaped keys', '"s\\u0074atus":"final"', observation('odd').replace('"status"', '"s\\u0074atus"')),
  keptLine('white space between all tokens', '"note" : [ ]', `  ${observation('odd', '"note" : [ ]')} \t`),
  keptLine('arrays 10,000 deep', deepArray),
  keptLine('extensions 10,000 deep', deepExtension, observation('odd', `"extension":[${deepExtension}]`)),
  {
    ...{ kind: 'the same line twice', file: among([observation('first')]), stored: GOOD, refused: [], lines: 3 },
  },
  {
    kind: 'a line of the same id and other content',
    ...{ file: among([observation('first', '"note":[1]')]), stored: GOOD, refused: [[2, 'duplicate-id']], lines: 3 },
  },
  {
    kind: 'two of the same id, of which the first is malformed',
    file: among([observation('odd').slice(0, -1), observation('odd')]),
    ...{ stored: { ...GOOD, odd: '"status":"final"' }, refused: [[2, 'malformed-json']], lines: 4 },
  },
  {
    kind: 'several bad lines among good ones',
    file: among(['no json', observation('odd'), '{}', 'null']),
    stored: { ...GOOD, odd: '"status":"final"' },
    refused: [
      [2, 'malformed-json'],
      [4, 'unknown-type'],
      [5, 'not-an-object'],
    ],
    lines: 6,
  },
  {
    kind: 'a byte order mark at the start',
    ...{ file: Buffer.concat([Buffer.from('\uFEFF'), among([])]), stored: GOOD, refused: [], lines: 2 },
  },
  { kind: 'CRLF', file: among(['no json'], '\r\n'), stored: GOOD, refused: [[2, 'malformed-json']], lines: 3 },
  {
    kind: 'blank lines, which count in the numbers',
    ...{ file: among(['', '\r', 'no json', '']), stored: GOOD, refused: [[4, 'malformed-json']], lines: 3 },
  },
  {
    kind: 'no newline at the end',
    ...{ file: among(['no json']).subarray(0, -1), stored: GOOD, refused: [[2, 'malformed-json']], lines: 3 },
  },
  { ...keptLine('a line of 50 MB', large(50 * MEGABYTE)), maxLineBytes: 64 * MEGABYTE },
  {
    ...refusedLine('a line of 50 MB where 16 MB are allowed', observation('odd', large(50 * MEGABYTE)), 'too-long'),
    maxLineBytes: 16 * MEGABYTE,
  },
  {
    kind: 'a line that is one byte too long, and one that just is not',
    file: among([observation('odd', large(2000)), observation('oddd', large(2000))]),
    ...{ stored: { ...GOOD, odd: large(2000) }, refused: [[3, 'too-long']], lines: 4 },
    maxLineBytes: observation('odd', large(2000)).length,
  },
];
