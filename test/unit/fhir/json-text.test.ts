import { describe, expect, it } from '@jest/globals';
import {
  appendElements,
  applyEdits,
  changeProperties,
  insertProperties,
  jsonProperty,
} from '../../../fhir/json-edits.ts';
import {
  duplicateKey,
  elementsAt,
  findPropertyAt,
  objectAt,
  propertyOf,
  rootStart,
  stringAt,
} from '../../../fhir/json-text.ts';

const root = (text: string) => objectAt(text, rootStart(text));

describe('objectAt', () => {
  it('finds every value, whatever brackets and quotes its strings hold', () => {
    const text = ' { "a" : "}\\"]" , "b":[1, {"c":"\\\\"}] ,"d" : -1.50e+2,"e":{ } } ';
    const found = root(text).properties.map(({ key, valueStart, valueEnd }) => [key, text.slice(valueStart, valueEnd)]);
    expect(found).toEqual([
      ['a', '"}\\"]"'],
      ['b', '[1, {"c":"\\\\"}]'],
      ['d', '-1.50e+2'],
      ['e', '{ }'],
    ]);
    expect(text.slice(root(text).start, root(text).end)).toBe(text.trim());
  });

  it('decodes escaped keys', () => {
    expect(root('{"\\u0069d":"1"}').properties[0]?.key).toBe('id');
  });

  it('names a key that comes twice, also when one is escaped', () => {
    expect(duplicateKey(root('{"id":"1","a":2,"\\u0069d":"3"}'))).toBe('id');
    expect(duplicateKey(root('{"id":"1","a":{"id":"2"}}'))).toBeUndefined();
  });
});

describe('elementsAt', () => {
  it.each([
    ['[]', []],
    ['[ 1 , "a,]" ,{"b":[2]}]', ['1', '"a,]"', '{"b":[2]}']],
  ])('splits %s', (text, elements) => {
    expect(elementsAt(text, 0).map(({ start, end }) => text.slice(start, end))).toEqual(elements);
  });
});

describe('findPropertyAt and stringAt', () => {
  it('decodes the value of the first property of that name', () => {
    const text = '{"a":{"id":"x"},"id":"Patient\\/\\u00e9"}';
    expect(stringAt(text, findPropertyAt(text, 0, 'id')?.valueStart ?? 0)).toBe('Patient/é');
    expect(findPropertyAt(text, 0, 'b')).toBeUndefined();
  });
});

describe('edits', () => {
  const changed = (text: string, remove: string[], append: string[]) =>
    applyEdits(text, changeProperties(root(text), remove, append));

  it.each([
    ['the first', ['a'], '{"b" : 2 , "c":3 }'],
    ['one between', ['b'], '{ "a":1 , "c":3 }'],
    ['the last', ['c'], '{ "a":1 , "b" : 2 }'],
    ['two at the start', ['a', 'b'], '{ "c":3 }'],
    ['two at the end', ['b', 'c'], '{ "a":1 }'],
    ['both ends', ['a', 'c'], '{ "b" : 2 }'],
    ['all', ['a', 'b', 'c'], '{  }'],
    ['none', ['x'], '{ "a":1 , "b" : 2 , "c":3 }'],
  ])('removes %s with the right comma', (_name, remove, expected) => {
    const text = '{ "a":1 , "b" : 2 , "c":3 }';
    expect(changed(text, remove, []).replaceAll(' ', '')).toBe(expected.replaceAll(' ', ''));
    expect(changed(text, remove, ['"z":0']).replaceAll(' ', '')).toBe(
      expected
        .replaceAll(' ', '')
        .replace(/(.)\}$/, (_all, last: string) => (last === '{' ? '{"z":0}' : `${last},"z":0}`)),
    );
  });

  it('adds to an empty object and to an empty list without a comma', () => {
    expect(changed('{ }', [], ['"z":0'])).toBe('{"z":0 }');
    const text = '{"l":[ ],"m":[1 ]}';
    const edits = ['l', 'm'].flatMap((key) => {
      const property = propertyOf(root(text), key);
      return (property && appendElements(text, property, ['7', '8'])) ?? [];
    });
    expect(applyEdits(text, edits)).toBe('{"l":[7,8 ],"m":[1,7,8 ]}');
  });

  it('does not append to what is no list', () => {
    const text = '{"l":{}}';
    const property = propertyOf(root(text), 'l');
    expect(property && appendElements(text, property, ['7'])).toBeUndefined();
  });

  it('inserts behind a property or before all others', () => {
    const text = '{"a":1,"b":2}';
    const object = root(text);
    const printed = [jsonProperty('z"', '0')];
    expect(applyEdits(text, [insertProperties(object, propertyOf(object, 'a'), printed)])).toBe(
      '{"a":1,"z\\"":0,"b":2}',
    );
    expect(applyEdits(text, [insertProperties(object, undefined, printed)])).toBe('{"z\\"":0,"a":1,"b":2}');
    expect(applyEdits('{}', [insertProperties(root('{}'), undefined, printed)])).toBe('{"z\\"":0}');
  });

  it('refuses edits that overlap', () => {
    const edits = [
      { start: 0, end: 3, replacement: '' },
      { start: 2, end: 4, replacement: '' },
    ];
    expect(() => applyEdits('abcdef', edits)).toThrow(RangeError);
  });
});
