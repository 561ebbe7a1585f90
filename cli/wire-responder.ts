import type { ResponderDeps } from '../activities/responder/deps.ts';
import type { Config } from '../config.ts';
import type { Disclosure } from '../fhir/disclosure.ts';
import type { ExportJobStore } from '../store/export-jobs.ts';
import type { ExportPartStore } from '../store/export-parts.ts';
import type { FhirStore } from '../store/fhir-store.ts';
import type { MatchStore } from '../store/matches.ts';
import type { OperatorModules } from './operator-modules.ts';
import type { WithheldMetrics } from './withheld-metrics.ts';

/** What the responding side is made from. */
export interface ResponderParts {
  readonly config: Config;
  readonly modules: OperatorModules;
  readonly fhir: FhirStore;
  readonly exportParts: ExportPartStore;
  readonly matches: MatchStore;
  readonly jobs: ExportJobStore;
  readonly disclosure: Disclosure;
  readonly withheld: WithheldMetrics;
}

const LINES_PER_FILE = 10_000;

export function responderDeps(parts: ResponderParts): ResponderDeps {
  const { config, jobs, fhir, matches, exportParts, disclosure, withheld } = parts;
  const { types, maxFileBytes, expirySeconds } = config.file.export;
  return {
    ...{ jobs, fhir, matches, parts: exportParts, disclosure, countWithheld: withheld.count },
    settings: {
      ...{ types, maxFileBytes, expirySeconds, linesPerFile: LINES_PER_FILE },
      ownOrganizationId: config.file.ownOrganization,
      provenanceProfile: config.file.provenanceProfile,
    },
  };
}
