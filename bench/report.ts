import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../embedded/project-root.ts';
import type { Machine } from './machine.ts';
import { printed } from './result.ts';
import type { Result } from './result.ts';

interface Report {
  readonly machine: Machine;
  /** Of the last run. */
  readonly date: string;
  readonly benchmarks: readonly (Result & { readonly date: string })[];
}

const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

const resultsFile = (): string => path.join(projectRoot(), 'bench', 'results.json');
const documentFile = (): string => path.join(projectRoot(), 'docs', 'performance.md');

/** Adds the results of a run to those of earlier ones on the same machine, and writes both files. */
export function keepResults(machine: Machine, results: readonly Result[]): void {
  const date = new Date().toISOString();
  const earlier = readReport();
  const isSame = earlier !== undefined && JSON.stringify(earlier.machine) === JSON.stringify(machine);
  const kept = (isSame ? earlier.benchmarks : []).filter(({ name }) => results.every((result) => result.name !== name));
  const report = { machine, date, benchmarks: [...kept, ...results.map((result) => ({ date, ...result }))] };
  writeFileSync(resultsFile(), `${JSON.stringify(report, null, 2)}\n`);
  writeDocument(report);
}

function readReport(): Report | undefined {
  return existsSync(resultsFile()) ? (JSON.parse(readFileSync(resultsFile(), 'utf8')) as Report) : undefined;
}

function writeDocument(report: Report): void {
  const text = readFileSync(documentFile(), 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end === -1) return;
  writeFileSync(documentFile(), `${text.slice(0, begin + BEGIN.length)}\n\n${section(report)}\n\n${text.slice(end)}`);
}

function section({ machine, benchmarks }: Report): string {
  const { cpu, cores, memoryGB, system, node, postgres } = machine;
  const where = `${cores} cores of ${cpu}, ${memoryGB} GB, ${system}; Node ${node}, Postgres ${postgres}.`;
  return [where, ...benchmarks.map(described)].join('\n\n');
}

function described({ name, about, date, inputs, figures, notes = [] }: Result & { readonly date: string }): string {
  const given = inputsText(inputs);
  const head = `### ${name}\n\n${about}${given === '' ? '' : ` ${given}.`} (${date.slice(0, 10)})`;
  const rows = figures.map((one) => [one.name, printed(one)] as const);
  const list = notes.length === 0 ? [] : [`\`\`\`text\n${notes.join('\n')}\n\`\`\``];
  return [head, markdownTable(['figure', 'value'], rows), ...list].join('\n\n');
}

const inputsText = (inputs: Result['inputs']): string =>
  Object.entries(inputs)
    .map(([name, value]) => `${name}: ${value.toLocaleString('en-US')}`)
    .join(', ');

/** Padded as Prettier pads it. */
function markdownTable(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const [first = 0, second = 0] = widths;
  const line = (one: string, other: string): string => `| ${one.padEnd(first)} | ${other.padStart(second)} |`;
  const rule = `| ${'-'.repeat(first)} | ${'-'.repeat(second - 1)}: |`;
  return [line(...head), rule, ...rows.map((row) => line(...row))].join('\n');
}

/** For the terminal. */
export function resultText({ name, inputs, figures, notes = [] }: Result): string {
  const given = inputsText(inputs);
  const width = Math.max(36, ...figures.map((one) => one.name.length + 2));
  const lines = figures.map((one) => `  ${one.name.padEnd(width)}${printed(one).padStart(20)}`);
  return [`${name}${given === '' ? '' : ` (${given})`}`, ...lines, ...notes.map((note) => `  ${note}`), ''].join('\n');
}
