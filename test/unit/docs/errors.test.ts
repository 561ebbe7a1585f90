import { describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../../fhir/errors.ts';
import { REFUSALS } from '../../../fhir/refusals.ts';
import { readDocument, section, tableRows } from './tables.ts';

const document = readDocument('docs/errors.md');
const rows = tableRows(document);

describe('docs/errors.md', () => {
  it('has every code of the table, once, and no other', () => {
    expect(rows.map(([code]) => code).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it.each(Object.entries(ERRORS))('says of %s what the program does', (code, { status, issue, retry, sentence }) => {
    const [, ...cells] = rows.find(([name]) => name === code) ?? [];
    expect(cells.slice(0, 4)).toEqual([String(status), `\`${issue}\``, retry, sentence]);
  });

  it('says what to do about every code', () => {
    expect(rows.filter((cells) => cells.length !== 6 || cells[5] === '')).toEqual([]);
  });

  it('names every reason of a refused line, and no other', () => {
    const named = [...section(document, '## Reasons of refused lines').matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)];
    expect(named.map(([, reason]) => reason).filter((reason) => reason !== 'refused-report')).toEqual(
      Object.keys(REFUSALS),
    );
  });
});
