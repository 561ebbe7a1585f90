import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { propertyOf } from '../../../fhir/json-text.ts';
import type { JsonObject } from '../../../fhir/json-text.ts';
import { scanRecord } from '../../../fhir/record-scan.ts';

/** What `JSON.parse` says of a text: an object or not. */
function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const slices = (text: string, objects: readonly JsonObject[] = []) =>
  objects.map(({ start, end }) => text.slice(start, end));

const referencesOf = (text: string) =>
  scanRecord(text)?.references.map((object) => {
    const property = propertyOf(object, 'reference');
    return text.slice(property?.valueStart, property?.valueEnd);
  });

describe('what is JSON', () => {
  it.each([
    ...['', ' ', '{', '}', '{}', ' {} ', '{}x', '{}{}', '[]', '"a"', 'null', '1', '{"a"}', '{"a":}', '{"a":1,}', '{,}'],
    ...[
      '{"a":[1,]}',
      '{"a":[,1]}',
      '{"a":[1 2]}',
      '{"a":[}',
      '{"a":{]}',
      '{"a":1 "b":2}',
      "{'a':1}",
      '{a:1}',
      '{"a" : [ ] }',
    ],
    ...[
      '0',
      '-0',
      '-',
      '01',
      '1.',
      '.5',
      '1.5',
      '1e',
      '1e+',
      '1E-7',
      '-1.50e+2',
      '+1',
      '0x1',
      '1_0',
      'Infinity',
      'NaN',
    ].map((number) => `{"a":${number}}`),
    ...['true', 'True', 'tru', 'false', 'null', 'nul', 'undefined'].map((word) => `{"a":${word}}`),
    ...[
      '\\n',
      '\\x',
      '\\u12',
      '\\u12G4',
      '\\ud83d',
      '\\/',
      '\n',
      '\t',
      '\u0000',
      '\u001f',
      '\u007f',
      '\u2028',
      '\\',
      '\\"',
    ].map((piece) => `{"a":"${piece}"}`),
    ...['\ufeff{}', '{}\u00a0', '{"a":1}\v', '\r\n{"\\u0061":[{}]}\t'],
  ])('is decided as JSON.parse decides it: %j', (text) => {
    expect(scanRecord(text) !== undefined).toBe(isObjectText(text));
  });

  it('is decided as JSON.parse decides it, of any object with any few characters changed', () => {
    const piece = fc.constantFrom(...'{}[]:,"\\0123456789.-+eEtruefalsn /ub\u0007\u0020\u00e9😀');
    const change = fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.array(piece, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(change, { maxLength: 3 }), (value, changes) => {
        let text = JSON.stringify(value);
        for (const [place, removed, added] of changes) {
          const at = place % (text.length + 1);
          text = text.slice(0, at) + added.join('') + text.slice(at + removed);
        }
        expect(scanRecord(text) !== undefined).toBe(isObjectText(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('is decided as JSON.parse decides it, of anything that is made of what numbers are made of', () => {
    const characters = fc.array(fc.constantFrom(...'0017.-+eE'), { maxLength: 7 });
    fc.assert(
      fc.property(characters, (number) => {
        const text = `{"a":${number.join('')}}`;
        expect(scanRecord(text) !== undefined).toBe(isObjectText(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('holds for the root and its properties, wherever white space stands', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom('', ' ', '\n\t'), (value, indent) => {
        const text = ` ${JSON.stringify(value, undefined, indent)}\r`;
        const found = scanRecord(text)?.root.properties.map(({ key, valueStart, valueEnd }) => [
          key,
          JSON.parse(text.slice(valueStart, valueEnd)) as unknown,
        ]);
        expect(found).toEqual(Object.entries(JSON.parse(text) as object));
      }),
    );
  });
});

describe('References', () => {
  it('are found at any depth, inner ones first', () => {
    const text =
      '{"subject":{"reference":"A/1"},"contained":[{"x":[[{"reference":"B/2"}]]}],"extension":[{"valueReference":{"display":"\\"reference\\"","reference":"C/3"}}]}';
    expect(referencesOf(text)).toEqual(['"A/1"', '"B/2"', '"C/3"']);
    expect(referencesOf('{"a":{"reference":{"reference":"A/1"},"b":2}}')).toEqual(['"A/1"', '{"reference":"A/1"}']);
  });

  it('are found by an escaped key, and by no key that is only similar', () => {
    expect(referencesOf('{"a":{"\\u0072eference":"A/1"}}')).toHaveLength(1);
    expect(referencesOf('{"a":{"ref\\u0065rence":"A/1"}}')).toHaveLength(1);
    expect(referencesOf('{"a":{"references":"A/1","Reference":"B","ref":"reference","rxxxxxxxx":1}}')).toHaveLength(0);
  });
});

describe('meta', () => {
  it('is the one of the root, and an object', () => {
    const text = '{"contained":[{"meta":{"a":1}}],"x":{"meta":{"b":1}},"meta" : {"c":[{}]},"y":{"d":1}}';
    expect(scanRecord(text)?.meta).toMatchObject({ properties: [{ key: 'c' }] });
    for (const other of ['{}', '{"meta":[{"a":1}]}', '{"meta":"x","y":{}}', '{"meta":null}']) {
      expect(scanRecord(other)?.meta).toBeUndefined();
    }
  });
});

describe('Attachments', () => {
  it.each([
    ['{"url":"Binary/1"}', 1],
    ['{"id":"1","url":"Binary/1"}', 1],
    ['{"contentType":"text/plain","url":"x"}', 1],
    ['{"url":"x","size":1}', 1],
    ['{"url":"http://a.example/extension","valueString":"x"}', 0],
    ['{"resourceType":"Library","url":"x","title":"y"}', 0],
    ['{"contentType":"text/plain","data":"AA=="}', 0],
  ])('of %s: %i', (element, count) => {
    expect(slices(element, scanRecord(`{"a":[${element}]}`)?.attachments)).toHaveLength(count);
  });
});

describe('time', () => {
  it.each([
    ['one long string', `{"a":"${'A'.repeat(1_000_000)}"}`],
    ['escaped quotes', `{"a":"${'\\"'.repeat(500_000)}"}`],
    ['backslashes', `{"a":"${'\\\\'.repeat(500_000)}"}`],
    ['References', `{"a":[${'{"reference":"A/1"},'.repeat(50_000)}1]}`],
    ['nested References', `{"a":${'{"reference":"A/1","b":'.repeat(40_000)}1${'}'.repeat(40_000)}}`],
  ])('is linear in a megabyte of %s', (_name, text) => {
    const started = performance.now();
    expect(scanRecord(text)).toBeDefined();
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
