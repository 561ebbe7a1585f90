import { Router } from 'express';
import { docrefRouter } from '../api/responder/docref.ts';
import { everythingRouter } from '../api/responder/everything.ts';
import { exportFileRouter } from '../api/responder/export-file.ts';
import { exportStatusRouter } from '../api/responder/export-status.ts';
import { exportRouter } from '../api/responder/export.ts';
import { memberMatchRouter } from '../api/responder/member-match.ts';
import { createVisibility } from '../api/responder/visibility.ts';
import type { Visibility } from '../api/responder/visibility.ts';
import type { ExportRuns } from '../temporal/export-jobs.ts';
import type { ResponderParts } from './wire-responder.ts';

const now = (): Date => new Date();

export function responderVisibility({ fhir, matches, disclosure, withheld }: ResponderParts): Visibility {
  return createVisibility({ fhir, matches, disclosure, countWithheld: withheld.count, now });
}

export function responderRoutes(parts: ResponderParts, visibility: Visibility, runs: ExportRuns): Router {
  const { config, fhir, matches, jobs, exportParts, modules } = parts;
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
    docrefRouter({ store: fhir, baseUrl, visibility }),
    exportStatusRouter({ runs, baseUrl, ...consents }),
    exportFileRouter({ parts: exportParts, ...consents }),
  );
  return router;
}
