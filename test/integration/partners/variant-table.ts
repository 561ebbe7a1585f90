import { VARIANTS } from './variants.ts';

export const BEGIN = '<!-- variants: written by test/integration/partners/write-table.ts -->';
export const END = '<!-- end of variants -->';

/** The tables of `docs/partners.md`, one for each group of variants. */
export function variantTables(): string {
  return VARIANTS.map(({ title, variants }) => {
    const rows = variants.map(({ partner, carryover, outcome }) => [partner, carryover, shown(outcome)]);
    return [`### ${title}`, '', table([['a partner has', 'Carryover', 'the exchange'], ...rows])].join('\n');
  }).join('\n\n');
}

function shown(outcome: (typeof VARIANTS)[number]['variants'][number]['outcome']): string {
  if (outcome === 'same') return 'the same records';
  return outcome === 'completed' ? 'completes' : `ends, \`${outcome.reason}\``;
}

/** Columns as wide as their widest cell, as the formatter of this repository has them. */
function table(rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = (escaped[0] ?? []).map((_cell, column) =>
    Math.max(...escaped.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = escaped;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
