import { ConfigProblems } from './config-problems.ts';
import type { Config } from './config.ts';

/**
 * Settings that this version reads and cannot honour. A filter, or a place to keep records in, that an operator believes in
 * and that is not there is worse than no start.
 * @throws ConfigError naming all of them
 */
export function assertBuilt({ fhirStore }: Config): void {
  const problems = new ConfigProblems();
  const refuse = (name: string, held: unknown, accepted: string): void => {
    if (held !== undefined && held !== false) problems.add(name, held, accepted);
  };
  refuse('FHIR_STORE', fhirStore.kind === 'postgres' ? undefined : fhirStore.kind, 'postgres in this version');
  problems.throwIfAny();
}
