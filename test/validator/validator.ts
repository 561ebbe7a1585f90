import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { IG_PACKAGES } from '../../cli/test-requirements.ts';
import { cacheFolder } from '../../embedded/project-root.ts';
import { lastLine, runProgram } from '../../embedded/run-program.ts';

/** Packages that are looked into; HL7's own for R4 are always there. */
export const GUIDES = {
  none: [],
  records: ['hl7.fhir.us.core-6.1.0.tgz', 'hl7.fhir.us.carin-bb-2.0.0.tgz', 'hl7.fhir.us.davinci-pdex-2.0.0.tgz'],
  /** PDex 2.0.0 is built on this US Core. */
  pdex: ['hl7.fhir.us.core-3.1.1.tgz', 'hl7.fhir.us.davinci-pdex-2.0.0.tgz'],
} as const;

export const PDEX_PROVENANCE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-provenance';

export interface ToValidate {
  readonly text: string;
  readonly guides: keyof typeof GUIDES;
  /** Beside those that the resource names itself. */
  readonly profiles?: readonly string[];
}

export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  /** Which rule it is; some rules have none. */
  readonly id: string | null;
  readonly location: string;
  readonly message: string;
}

const SOURCES = path.join(import.meta.dirname, 'java');
/** The first build downloads some 100 MB. */
const BUILD_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = 300_000;

/** What HL7's validator says of each, in the same order; all of them in one run, since its start is half of the time. */
export async function validate(all: readonly ToValidate[]): Promise<readonly (readonly Issue[])[]> {
  const folder = path.join(cacheFolder(), 'validator');
  mkdirSync(folder, { recursive: true });
  await build(folder);
  const lines = all.map(({ text, guides, profiles = [] }) =>
    JSON.stringify({ guides: GUIDES[guides].join(','), profiles, resource: text }),
  );
  // The same text comes often: as it was imported and as it is exported again.
  const different = [...new Set(lines)];
  const issues = await run(folder, different);
  const byLine = new Map(different.map((line, index) => [line, issues[index] ?? []]));
  return lines.map((line) => byLine.get(line) ?? []);
}

async function run(folder: string, lines: readonly string[]): Promise<readonly (readonly Issue[])[]> {
  const [input, output] = [path.join(folder, 'input.ndjson'), path.join(folder, 'output.ndjson')];
  writeFileSync(input, lines.join('\n'));
  const classPath = `${path.join(folder, 'classes')}:${readFileSync(path.join(folder, 'class-path'), 'utf8').trim()}`;
  // It lives for a minute: compiling well does not pay.
  const flags = ['-XX:TieredStopAtLevel=1', '-Xmx1500m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
  const ended = await runProgram(
    'java',
    [...flags, '-cp', classPath, 'carryover.validator.Main', IG_PACKAGES, input, output],
    RUN_LIMIT_MS,
  );
  if (ended.code !== 0) throw new Error(`The validator failed: ${lastLine(ended)}`);
  const issues = readFileSync(output, 'utf8').trimEnd().split('\n');
  if (issues.length !== lines.length) throw new Error('The validator left lines out.');
  return issues.map((line) => JSON.parse(line) as Issue[]);
}

async function build(folder: string): Promise<void> {
  const pom = path.join(SOURCES, 'pom.xml');
  const args = ['-B', '-q', '-f', pom, `-Dvalidator.build=${folder}`, 'compile'];
  const built = await runProgram('mvn', args, BUILD_LIMIT_MS);
  if (built.code !== 0) throw new Error(`The validator could not be built: ${built.stdout}\n${lastLine(built)}`);
}
