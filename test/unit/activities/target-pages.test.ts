import { describe, expect, it } from '@jest/globals';
import { TargetPages } from '../../../activities/responder/target-pages.ts';
import type { TargetPage } from '../../../activities/responder/target-pages.ts';
import { PROVENANCE_TARGETS, targetTexts } from '../../../fhir/provenance.ts';

const idsOf = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${name}${n}`);

const referencesOf = ({ targets }: TargetPage): readonly string[] =>
  (JSON.parse(`[${targets.filter((each) => typeof each === 'string').join(',')}]`) as { reference: string }[]).map(
    ({ reference }) => reference,
  );

describe('the pages of targets', () => {
  it.each([1, 499, 500, 501, 1000, 1250])('name each of %d targets once, as many as fit on a page', (count) => {
    const pages = new TargetPages(['ann']);
    const ids = idsOf('g', count);
    const all = [...pages.add('Goal', { member: 'ann', ids: ids.join(' ') }), ...pages.rest()];
    expect(all.flatMap(referencesOf)).toEqual(ids.map((id) => `Goal/${id}`));
    expect(all.slice(0, -1).map((page) => referencesOf(page).length)).toEqual(
      Array.from({ length: Math.ceil(count / PROVENANCE_TARGETS) - 1 }, () => PROVENANCE_TARGETS),
    );
    expect(all.every(({ targets }) => targets.length > 0)).toBe(true);
  });

  it('are filled by line after line of several types', () => {
    const pages = new TargetPages(['ann']);
    const line = (name: string, count: number) => ({ member: 'ann', ids: idsOf(name, count).join(' ') });
    expect(pages.add('Goal', line('g', 300))).toEqual([]);
    const [full, ...more] = pages.add('Observation', line('o', 300));
    expect(more).toEqual([]);
    const references = full === undefined ? [] : referencesOf(full);
    expect([references.length, references[299], references[300], references[499]]).toEqual([
      ...[500, 'Goal/g299', 'Observation/o0', 'Observation/o199'],
    ]);
    expect(pages.rest().flatMap(referencesOf)).toHaveLength(100);
  });

  it('are those of each member apart, and of nobody else', () => {
    const pages = new TargetPages(['ann', 'beth']);
    pages.add('Goal', { member: 'beth', ids: 'b' });
    pages.add('Goal', { member: 'ann', ids: 'a' });
    pages.add('Goal', { member: 'carl', ids: 'c' });
    expect(pages.rest().map((page) => [page.member, ...referencesOf(page)])).toEqual([
      ['ann', 'Goal/a'],
      ['beth', 'Goal/b'],
    ]);
  });

  const run = (page: bigint, count: number) => ({
    ...{ member: 'ann', page, records: '', count, idBytes: 10 * count },
  });
  const pagesOf = ({ targets }: TargetPage): readonly (bigint | string)[] =>
    targets.map((each) => (typeof each === 'string' ? each : each.page));

  it('have all of a run on one of them', () => {
    const pages = new TargetPages(['ann']);
    const full = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n].flatMap((page) => pages.add('Goal', run(page, 64)));
    expect(full.map(pagesOf)).toEqual([[1n, 2n, 3n, 4n, 5n, 6n, 7n]]);
    expect(pages.rest().map(pagesOf)).toEqual([[8n, 9n]]);
  });

  it('are full with a run as well', () => {
    const pages = new TargetPages(['ann']);
    expect(pages.add('Goal', { member: 'ann', ids: idsOf('g', 480).join(' ') })).toEqual([]);
    expect(pages.add('Goal', run(1n, 20)).map(({ targets }) => targets.length)).toEqual([2]);
    expect(pages.rest()).toEqual([]);
    expect(pages.add('Goal', { member: 'ann', ids: 'next' })).toEqual([]);
    expect(pages.rest().flatMap(referencesOf)).toEqual(['Goal/next']);
  });

  it('say how many bytes a run takes', () => {
    const pages = new TargetPages(['ann']);
    pages.add('Goal', { ...run(1n, 3), idBytes: 'ab'.length + 'c'.length + 'def'.length });
    const [target] = pages.rest()[0]?.targets ?? [];
    expect(target).toMatchObject({ bytes: targetTexts('Goal', 'ab c def').length });
  });
});
