import type { ResponderDeps } from './deps.ts';
import { freezeScope } from './freeze-scope.ts';
import { writeResourceType } from './write-resource-type.ts';

/** The steps of the responding payer's export, by the names that an operator reads in the Temporal UI. */
export function createResponderActivities(deps: ResponderDeps) {
  const { jobs, blobs, settings } = deps;
  return {
    freezeScope: freezeScope(deps),
    writeResourceType: writeResourceType(deps),

    /** From now on the manifest shows, and its files no longer change. */
    async finishManifest(jobId: string): Promise<void> {
      const expiresAt = new Date(Date.now() + settings.expirySeconds * 1000);
      await jobs.change(jobId, { state: 'complete', progress: 'complete', expiresAt });
    },

    async failExport(jobId: string): Promise<void> {
      await jobs.change(jobId, { state: 'failed', expiresAt: new Date(Date.now() + settings.expirySeconds * 1000) });
    },

    /** Rows first, then bytes: a file that shows is whole. */
    async removeExport(jobId: string): Promise<void> {
      await jobs.removeFiles(jobId);
      await blobs.removeAll(`export/${jobId}/`);
    },
  };
}

export type ResponderActivities = ReturnType<typeof createResponderActivities>;
