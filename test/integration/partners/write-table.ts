import { readFile, writeFile } from 'node:fs/promises';
import { BEGIN, END, variantTables } from './variant-table.ts';

/** Puts the tables into the document: `node --import tsx test/integration/partners/write-table.ts`. */
const document = new URL('../../../docs/partners.md', import.meta.url);
const text = await readFile(document, 'utf8');
const [before = '', rest = ''] = text.split(BEGIN);
const [, after = ''] = rest.split(END);
await writeFile(document, `${before}${BEGIN}\n\n${variantTables()}\n\n${END}${after}`);
