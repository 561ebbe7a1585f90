import { pathToFileURL } from 'node:url';
import { ConfigProblems } from '../config-problems.ts';
import type { FileConfig } from '../config-file.ts';
import type { SeeResource } from '../fhir/disclosure.ts';
import { isFhirId } from '../fhir/identifiers.ts';
import type { MatchModule } from '../fhir/match-module.ts';
import { isRecord } from '../fhir/parameters.ts';

/** What the operator's own code decides; each function answers within a time and in the form that it is asked for, or throws. */
export interface OperatorModules {
  readonly seeResource: SeeResource | undefined;
  readonly match: MatchModule | undefined;
}

/** A module that does not answer holds up an export, or a partner that waits. */
const ANSWER_MS = 10_000;

type Decide = (...input: readonly unknown[]) => unknown;

/**
 * Loads the modules that the configuration names.
 * @throws ConfigError where a path leads to none, or to one without the function
 */
export async function loadOperatorModules({ consent, matching }: FileConfig): Promise<OperatorModules> {
  const problems = new ConfigProblems();
  const see = await functionOf('consent.module', consent.module, 'consentWillSeeResource', problems);
  const match = await functionOf('matching.module', matching.module, 'match', problems);
  problems.throwIfAny();
  return { seeResource: see && checkedSee(see), match: match && checkedMatch(match) };
}

async function functionOf(
  key: string,
  file: string | undefined,
  name: string,
  problems: ConfigProblems,
): Promise<Decide | undefined> {
  if (file === undefined) return undefined;
  const accepted = `the path of an ES or CommonJS module that exports a function by default or as ${name}`;
  try {
    const module: unknown = await import(pathToFileURL(file).href);
    const found = functionIn(module, name);
    if (found === undefined) problems.add(`CONFIG_FILE: ${key}`, file, accepted);
    return found;
  } catch (error) {
    // Its message may repeat what stands in the module.
    const why = error instanceof Error ? error.name : 'an error';
    problems.add(`CONFIG_FILE: ${key}`, file, `${accepted}; loading this one ended with ${why}`);
    return undefined;
  }
}

/** The named export, else the default one; what CommonJS exports is the default of the module. */
function functionIn(module: unknown, name: string): Decide | undefined {
  const exported = isRecord(module) ? module : {};
  const inner = exported['default'];
  const choices = [exported[name], inner, isRecord(inner) ? inner[name] : undefined];
  const found = choices.find((choice) => typeof choice === 'function');
  return found as Decide | undefined;
}

const checkedSee =
  (see: Decide): SeeResource =>
  async (request, resource) => {
    const answer = await inTime(() => see(request, resource));
    if (answer === 'proceed' || answer === 'reject' || isRecord(answer)) return answer;
    throw new TypeError('consentWillSeeResource answers proceed, reject or a resource');
  };

const checkedMatch =
  (match: Decide): MatchModule =>
  async (request, candidates) => {
    const answer = await inTime(() => match(request, candidates));
    if (answer === undefined || answer === 'ambiguous') return answer;
    if (typeof answer === 'string' && isFhirId(answer)) return answer;
    throw new TypeError('match answers an id, undefined or ambiguous');
  };

/** @throws Error after the time; whatever the function throws */
async function inTime(decide: () => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the module does not answer')), ANSWER_MS);
  });
  try {
    return await Promise.race([Promise.resolve().then(decide), late]);
  } finally {
    clearTimeout(timer);
  }
}
