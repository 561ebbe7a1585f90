import { expect, it } from '@jest/globals';
import { BEGIN, END, variantTables } from '../../integration/partners/variant-table.ts';
import { readDocument } from './tables.ts';

it('the table of partners’ habits is that of the tests which prove it', () => {
  const text = readDocument('docs/partners.md');
  const between = text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim();
  expect(between).toBe(variantTables());
});
