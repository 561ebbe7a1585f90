import { describe, expect, it } from '@jest/globals';
import { nextSince, withSince } from '../../../fhir/increments.ts';
import type { Asked, Finished } from '../../../fhir/increments.ts';

const [JAN, FEB, MAR, APR] = ['01', '02', '03', '04'].map((month) => `2026-${month}-01T00:00:00.000Z`) as [
  ...[string, string, string, string],
];
const entry = (name: string, value: string, as = 'valueString'): string => JSON.stringify({ name, [as]: value });
const since = (instant: string): string => entry('_since', instant, 'valueInstant');
const types = (value: string): string => entry('_type', value);

const asked = (...exportEntries: string[]): Asked => ({ exportEntries });
const finished = (transactionTime: string, ...exportEntries: string[]): Finished => ({
  ...asked(...exportEntries),
  transactionTime,
});

describe('_since of a repetition', () => {
  it('is none where nothing has completed', () => {
    expect(nextSince([], asked())).toBeUndefined();
  });

  it('is the transaction time of the last exchange that completed', () => {
    expect(nextSince([finished(JAN), finished(FEB, since(JAN))], asked())).toBe(FEB);
  });

  it('follows exchanges of the same types and filters alone', () => {
    const others = [finished(FEB, types('Patient')), finished(MAR, entry('_typeFilter', 'Observation?code=1'))];
    expect(nextSince([finished(JAN, types('Coverage')), ...others], asked(types('Coverage')))).toBe(JAN);
    expect(nextSince(others, asked())).toBeUndefined();
  });

  it('does not care for the order of types and entries, nor for the patient that was posted', () => {
    const filter = entry('_typeFilter', 'Observation?code=1');
    const before = finished(JAN, types('Observation,Patient'), filter, '{"name":"patient","valueReference":{}}');
    expect(nextSince([before], asked(filter, types('Patient, Observation')))).toBe(JAN);
    expect(nextSince([before], asked(filter, types('Patient'), types('Observation')))).toBe(JAN);
  });

  it('is the posted one where that is later', () => {
    expect(nextSince([finished(JAN)], asked(since(MAR)))).toBe(MAR);
    expect(nextSince([finished(APR)], asked(since(MAR)))).toBe(APR);
  });

  it('compares instants, not their texts', () => {
    expect(nextSince([finished(FEB)], asked(since('2026-02-01T00:30:00+01:00')))).toBe(FEB);
  });
});

describe('an exchange that was itself narrowed by _since', () => {
  it('counts where the exchanges before it leave no gap', () => {
    expect(nextSince([finished(FEB), finished(APR, since(JAN))], asked())).toBe(APR);
  });

  it('does not count where it would leave records out for ever', () => {
    expect(nextSince([finished(MAR, since(FEB))], asked())).toBeUndefined();
    expect(nextSince([finished(JAN), finished(MAR, since(FEB))], asked())).toBe(JAN);
  });

  it('counts where no more than that was posted', () => {
    expect(nextSince([finished(MAR, since(FEB))], asked(since(FEB)))).toBe(MAR);
    expect(nextSince([finished(MAR, since(FEB))], asked(since(JAN)))).toBeUndefined();
  });

  it('with an instant that cannot be read never counts', () => {
    expect(nextSince([finished(MAR, since('lately'))], asked(since('lately')))).toBeUndefined();
  });
});

describe('an exchange under a consent for another kind of data', () => {
  const under = (policy: string): Asked => ({
    ...asked(),
    matchParameters: JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'Consent', resource: { resourceType: 'Consent', policy: [{ uri: policy }] } }],
    }),
  });

  it('does not stand for one that may bring more', () => {
    const before = { ...under('#regular'), transactionTime: JAN };
    expect(nextSince([before], under('#sensitive'))).toBeUndefined();
    expect(nextSince([before], under('#regular'))).toBe(JAN);
  });
});

describe('the request of a repetition', () => {
  it('has its _since in place of a posted one, and everything else as it was posted', () => {
    const posted = ['{"name" : "_type", "valueString":"Patient"}', since(JAN)];
    expect(withSince(posted, FEB)).toEqual([posted[0], since(FEB)]);
    expect(withSince([], FEB)).toEqual([since(FEB)]);
  });
});
