import { authorize } from './authorize.ts';
import { checkExport } from './check-export.ts';
import type { RequesterDeps } from './deps.ts';
import { downloadFiles } from './download-files.ts';
import { importFiles } from './import-files.ts';
import { matchMember } from './match-member.ts';
import { publishImport } from './publish-import.ts';
import { releaseExport } from './release-export.ts';
import { removeImport } from './remove-import.ts';
import { slotActivities } from './slot.ts';
import { startExport } from './start-export.ts';
import { taskActivities } from './task.ts';

/** The steps of the requesting payer, by the names that an operator reads in the Temporal UI. */
export function createRequesterActivities(deps: RequesterDeps) {
  return {
    ...taskActivities(deps),
    ...slotActivities(deps),
    authorize: authorize(deps),
    matchMember: matchMember(deps),
    startExport: startExport(deps),
    checkExport: checkExport(deps),
    downloadFiles: downloadFiles(deps),
    importFiles: importFiles(deps),
    publishImport: publishImport(deps),
    releaseExport: releaseExport(deps),
    removeImport: removeImport(deps),
  };
}

export type RequesterActivities = ReturnType<typeof createRequesterActivities>;
