import type { ErrorCode } from '../../fhir/errors.ts';
import type { ResponderDeps } from './deps.ts';
import { FINISHED_FROM } from './file-numbers.ts';
import { freezeScope } from './freeze-scope.ts';
import { removeFiles } from './remove-files.ts';
import { writeTransmission } from './transmission.ts';
import { writeDeleted } from './write-deleted.ts';
import { writeNotes } from './write-notes.ts';
import { writeResourceType, writeTypes } from './write-resource-type.ts';
import { writeShared } from './write-shared.ts';

/** The steps of the responding payer's export, by the names that an operator reads in the Temporal UI. */
export function createResponderActivities(deps: ResponderDeps) {
  const { jobs, settings } = deps;
  return {
    freezeScope: freezeScope(deps),
    writeResourceType: writeResourceType(deps),
    /** Any types that one step writes: the name is that of histories that are there. */
    writeSmallTypes: writeTypes(deps),

    /**
     * Writes what goes along with the records and needs all of them; from then on the manifest shows, and its files no
     * longer change. Run again, it begins anew.
     */
    async finishManifest(jobId: string): Promise<void> {
      const job = await jobs.load(jobId);
      // What shows is not written once more.
      if (job.state === 'complete') return;
      await removeFiles(deps, jobId, { from: FINISHED_FROM });
      const shared = writeShared(deps, job);
      await allEnded([shared, writeTransmission(deps, job, shared), writeDeleted(deps, job), writeNotes(deps, job)]);
      const expiresAt = new Date(Date.now() + settings.expirySeconds * 1000);
      await jobs.change(jobId, { state: 'complete', progress: 'complete', expiresAt });
    },

    async failExport(jobId: string, reason?: ErrorCode): Promise<void> {
      await jobs.failUnfinished(jobId, new Date(Date.now() + settings.expirySeconds * 1000), reason);
    },

    async removeExport(jobId: string): Promise<void> {
      await removeFiles(deps, jobId, { from: 0 });
      await jobs.forgetScope(jobId);
    },
  };
}

/** When one has failed the others end first: the next attempt must not meet them. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

export type ResponderActivities = ReturnType<typeof createResponderActivities>;
