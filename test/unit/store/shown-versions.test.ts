import { describe, expect, it } from '@jest/globals';
import { ShownVersions } from '../../../store/postgres/shown-versions.ts';

const NONE = new Map<string, string | null>();

/** Ids of `of` that are shown. */
function shownOf(
  versions: ShownVersions,
  {
    patient = 'p',
    version,
    of,
    isOldest = false,
  }: { patient?: string; version: bigint; of: string; isOldest?: boolean },
): readonly string[] {
  const isShown = versions.on({ patientId: patient, version }, of, isOldest);
  return of.split(' ').filter((_, place) => isShown?.(place) ?? true);
}

describe('versions that are shown', () => {
  it('are those that no newer publication of the compartment has replaced, over all of its pages', () => {
    const versions = new ShownVersions(NONE);
    expect(shownOf(versions, { version: 9n, of: 'a b' })).toEqual(['a', 'b']);
    expect(shownOf(versions, { version: 9n, of: 'c' })).toEqual(['c']);
    expect(shownOf(versions, { version: 4n, of: 'b d' })).toEqual(['d']);
    expect(shownOf(versions, { version: 4n, of: 'e c' })).toEqual(['e']);
    expect(shownOf(versions, { version: 2n, of: 'a d f', isOldest: true })).toEqual(['f']);
  });

  it('are not replaced by those of another compartment', () => {
    const versions = new ShownVersions(NONE);
    shownOf(versions, { version: 9n, of: 'a b' });
    shownOf(versions, { version: 8n, of: 'c' });
    expect(shownOf(versions, { patient: 'q', version: 8n, of: 'a c', isOldest: true })).toEqual(['a', 'c']);
  });

  it('are, of ids that have moved, those of the one version that is the newest anywhere', () => {
    const versions = new ShownVersions(
      new Map([
        ['a', '5'],
        ['b', null],
      ]),
    );
    expect(shownOf(versions, { version: 9n, of: 'a b c' })).toEqual(['c']);
    expect(shownOf(versions, { version: 5n, of: 'a d' })).toEqual(['a', 'd']);
  });

  it('are all of a page without ids', () => {
    expect(new ShownVersions(NONE).on({ patientId: 'p', version: 1n }, undefined, true)).toBeUndefined();
  });
});
