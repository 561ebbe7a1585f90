import { describe, expect, it } from '@jest/globals';
import { consentEnd, earlier, readRepetition } from '../../../fhir/repetition.ts';

const body = (...parameter: object[]): string => JSON.stringify({ resourceType: 'Parameters', parameter });
const every = (valueString: string): object => ({ name: 'every', valueString });
const consent = (period: object | undefined): string =>
  body({ name: 'Consent', resource: { resourceType: 'Consent', provision: { period } } });

function refusalOf(text: string): unknown {
  try {
    return readRepetition(text);
  } catch (error) {
    return error;
  }
}

describe('every', () => {
  it.each([
    ['P1D', { months: 0, days: 1 }],
    ['P7D', { months: 0, days: 7 }],
    ['P2W', { months: 0, days: 14 }],
    ['P3M', { months: 3, days: 0 }],
    ['P12M', { months: 12, days: 0 }],
  ])('%s is read', (text, expected) => {
    expect(readRepetition(body(every(text))).every).toEqual(expected);
  });

  it.each(['P0D', 'P0W', 'P0M', 'P5M', 'P9999D', 'PT12H', 'P1M1D', '1D', 'P-1D', ''])(
    '%p is refused, and the element is named',
    (text) => {
      expect(refusalOf(body(every(text)))).toMatchObject({
        code: 'request-invalid',
        expression: 'Parameters.parameter[0].value',
      });
    },
  );

  it.each([
    ['missing', body({ name: 'until', valueDate: '2030-01-01' }), 'Parameters.parameter'],
    ['given twice', body(every('P1D'), every('P2D')), 'Parameters.parameter[1]'],
    ['beside an unknown name', body(every('P1D'), { name: 'often' }), 'Parameters.parameter[1].name'],
  ])('that is %s is refused', (_what, text, expression) => {
    expect(refusalOf(text)).toMatchObject({ code: 'request-invalid', expression });
  });
});

describe('until', () => {
  it('includes its whole day', () => {
    const { until } = readRepetition(body(every('P1D'), { name: 'until', valueDate: '2030-02-28' }));
    expect(until?.toISOString()).toBe('2030-02-28T23:59:59.999Z');
  });

  it('may be left out', () => {
    expect(readRepetition(body(every('P1D'))).until).toBeUndefined();
  });

  it.each([
    { valueDate: 'tomorrow' },
    { valueString: '2030-01-01' },
    { valueDate: '2030-13' },
    { valueDate: '2030-02-30' },
    {},
  ])('that is %j is refused', (value) => {
    expect(refusalOf(body(every('P1D'), { name: 'until', ...value }))).toMatchObject({
      code: 'request-invalid',
      expression: 'Parameters.parameter[1].value',
    });
  });
});

describe('the end of the posted consent', () => {
  it('includes the whole day that it names', () => {
    expect(consentEnd(consent({ end: '2027-06-30' }))?.toISOString()).toBe('2027-06-30T23:59:59.999Z');
  });

  it.each([undefined, body(), consent(undefined), consent({ start: '2026-01-01' })])('is none in %p', (parameters) => {
    expect(consentEnd(parameters)).toBeUndefined();
  });

  it('counts where it comes before the one that was asked for', () => {
    const [one, other] = [new Date(1), new Date(2)];
    expect([earlier(one, other), earlier(other, one), earlier(undefined, other), earlier(one, undefined)]).toEqual([
      ...[one, one, other, one],
    ]);
  });
});
