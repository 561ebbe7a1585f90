import { Router } from 'express';
import type { ResponderDeps } from '../activities/responder/deps.ts';
import { everythingRouter } from '../api/responder/everything.ts';
import { exportFileRouter } from '../api/responder/export-file.ts';
import { exportStatusRouter } from '../api/responder/export-status.ts';
import { exportRouter } from '../api/responder/export.ts';
import { memberMatchRouter } from '../api/responder/member-match.ts';
import { createVisibility } from '../api/responder/visibility.ts';
import type { Visibility } from '../api/responder/visibility.ts';
import type { Config } from '../config.ts';
import type { Disclosure } from '../fhir/disclosure.ts';
import type { BlobStore } from '../store/blobs.ts';
import type { ExportJobStore } from '../store/export-jobs.ts';
import type { FhirStore } from '../store/fhir-store.ts';
import type { MatchStore } from '../store/matches.ts';
import type { ExportRuns } from '../temporal/export-jobs.ts';
import type { OperatorModules } from './operator-modules.ts';
import type { WithheldMetrics } from './withheld-metrics.ts';

/** What the responding side is made from. */
export interface ResponderParts {
  readonly config: Config;
  readonly modules: OperatorModules;
  readonly fhir: FhirStore;
  readonly blobs: BlobStore;
  readonly matches: MatchStore;
  readonly jobs: ExportJobStore;
  readonly disclosure: Disclosure;
  readonly withheld: WithheldMetrics;
}

const LINES_PER_FILE = 10_000;
const now = (): Date => new Date();

export function responderVisibility({ fhir, matches, disclosure, withheld }: ResponderParts): Visibility {
  return createVisibility({ fhir, matches, disclosure, countWithheld: withheld.count, now });
}

export function responderRoutes(parts: ResponderParts, visibility: Visibility, runs: ExportRuns): Router {
  const { config, fhir, matches, jobs, blobs, modules } = parts;
  const { matching } = config.file;
  const consents = { jobs, matches, now, hasConsentModule: modules.seeResource !== undefined };
  const baseUrl = config.fhirBaseUrl;
  const router = Router();
  router.use(
    memberMatchRouter({
      ...{ fhir, matches, require: matching.require, maxFailures: matching.maxFailures, now },
      matchModule: modules.match,
      ownOrganization: config.file.ownOrganization,
    }),
    exportRouter({
      ...{ jobs, fhir, matches, visibility, runs, baseUrl, now },
      ownOrganization: config.file.ownOrganization,
    }),
    everythingRouter({
      ...{ store: fhir, baseUrl, visibility, ownOrganization: config.file.ownOrganization },
      provenanceProfile: config.file.provenanceProfile,
    }),
    exportStatusRouter({ runs, baseUrl, ...consents }),
    exportFileRouter({ blobs, ...consents }),
  );
  return router;
}

export function responderDeps(parts: ResponderParts): ResponderDeps {
  const { config, jobs, fhir, matches, blobs, disclosure, withheld } = parts;
  const { types, maxFileBytes, expirySeconds } = config.file.export;
  return {
    ...{ jobs, fhir, matches, blobs, disclosure, countWithheld: withheld.count },
    settings: {
      ...{ types, maxFileBytes, expirySeconds, linesPerFile: LINES_PER_FILE },
      ownOrganizationId: config.file.ownOrganization,
      provenanceProfile: config.file.provenanceProfile,
    },
  };
}
