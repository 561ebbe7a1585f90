import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readMatchRequest } from '../../../fhir/member-match.ts';
import type { Fields, MatchRequest } from '../../../fhir/member-match.ts';

const folder = path.join(import.meta.dirname, '../../fixtures');

interface Entry {
  name: string;
  resource: Record<string, unknown>;
}

/** An official or published example, parsed anew each time, so that a test may change it. */
export function example(name: string): Entry[] {
  const parsed = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as { parameter: Entry[] };
  return parsed.parameter;
}

/** The members of PDex's bulk example, each as the input of a single match. */
export function bulkExamples(): Entry[][] {
  const bundles = example('pdex/multi-member-match-in') as unknown as { part: Entry[] }[];
  return bundles.map(({ part }) => part);
}

export const hrex = (): Entry[] => example('hrex/member-match-in');
export const vendor = (): Entry[] => example('vendor/member-match-request');

export const textOf = (entries: readonly Entry[]): string =>
  JSON.stringify({ resourceType: 'Parameters', parameter: entries });

export const read = (entries: readonly Entry[]): MatchRequest => readMatchRequest(textOf(entries));

export function resource(entries: readonly Entry[], name: string): Record<string, unknown> {
  const found = entries.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`the example has no ${name}`);
  return found.resource;
}

/** HRex's example with elements of one resource replaced; undefined takes one away. */
export function changed(name: string, elements: Fields, entries = hrex()): Entry[] {
  Object.assign(resource(entries, name), elements);
  return entries;
}
