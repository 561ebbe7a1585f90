import { describe, expect, it } from '@jest/globals';
import { AMBIGUOUS, knownSource, linkageOf } from '../../../fhir/linkage.ts';
import type { KnownCandidate } from '../../../fhir/linkage.ts';

const native = (key: string): KnownCandidate => ({ key, isNative: true });
const other = (key: string): KnownCandidate => ({ key, isNative: false });

/** `pairs`: `known>imported`, as they are linked already. */
const sourceOf = (candidates: readonly KnownCandidate[], ...pairs: string[]): ReturnType<typeof knownSource> =>
  knownSource('it', candidates, ({ known, imported }) => pairs.includes(`${known}>${imported}`));

describe('what a record is linked with', () => {
  it('is ours, whatever other payers sent', () => {
    expect(sourceOf([other('a'), native('ours'), other('b')])).toBe('ours');
  });

  it('is that of another payer where none is ours', () => {
    expect(sourceOf([other('a')])).toBe('a');
  });

  it('is the one that the others are linked with', () => {
    expect(sourceOf([other('a'), other('b')], 'a>b')).toBe('a');
  });

  it('is nothing where the others are linked with it already', () => {
    expect(sourceOf([other('a'), other('b')], 'it>a', 'it>b')).toBeUndefined();
  });

  it('stays what it is linked with', () => {
    expect(sourceOf([other('a'), other('b')], 'a>it', 'a>b')).toBe('a');
  });

  it('cannot be told among several of ours, or of payers that nothing links', () => {
    expect(sourceOf([native('a'), native('b')])).toBe(AMBIGUOUS);
    expect(sourceOf([other('a'), other('b')])).toBe(AMBIGUOUS);
  });

  it('is nothing where there is none', () => {
    expect(sourceOf([])).toBeUndefined();
  });
});

describe('a Linkage', () => {
  it('has the known one as its source, and our Organization as its author', () => {
    const linkage = linkageOf({ known: 'Practitioner/a', imported: 'Practitioner/b' }, 'Organization/own');
    expect(linkage).toMatchObject({ active: true, author: { reference: 'Organization/own' } });
    expect(linkage.item.map(({ type, resource }) => [type, resource.reference])).toEqual([
      ['source', 'Practitioner/a'],
      ['alternate', 'Practitioner/b'],
    ]);
  });

  it('has an id of its pair, in this order', () => {
    const idOf = (known: string, imported: string) => linkageOf({ known, imported }, undefined).id;
    expect(idOf('A/1', 'A/2')).toBe(idOf('A/1', 'A/2'));
    expect(idOf('A/1', 'A/2')).not.toBe(idOf('A/2', 'A/1'));
  });
});
