import type { ErrorCode } from '../../fhir/errors.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScope } from './export-scope.ts';
import { freezeScope } from './freeze-scope.ts';
import { writeTransmission } from './transmission.ts';
import { writeResourceType } from './write-resource-type.ts';

/** The steps of the responding payer's export, by the names that an operator reads in the Temporal UI. */
export function createResponderActivities(deps: ResponderDeps) {
  const { jobs, blobs, settings } = deps;
  return {
    freezeScope: freezeScope(deps),
    writeResourceType: writeResourceType(deps),

    /** Says who transmitted what; from then on the manifest shows, and its files no longer change. */
    async finishManifest(jobId: string): Promise<void> {
      const job = await jobs.load(jobId);
      await writeTransmission(deps, job, await exportScope(deps, job));
      const expiresAt = new Date(Date.now() + settings.expirySeconds * 1000);
      await jobs.change(jobId, { state: 'complete', progress: 'complete', expiresAt });
    },

    async failExport(jobId: string, reason?: ErrorCode): Promise<void> {
      await jobs.failUnfinished(jobId, new Date(Date.now() + settings.expirySeconds * 1000), reason);
    },

    /** Rows first, then bytes: a file that shows is whole. */
    async removeExport(jobId: string): Promise<void> {
      await jobs.removeFiles(jobId);
      await blobs.removeAll(`export/${jobId}/`);
    },
  };
}

export type ResponderActivities = ReturnType<typeof createResponderActivities>;
