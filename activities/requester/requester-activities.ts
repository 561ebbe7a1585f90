import { authorize } from './authorize.ts';
import { checkExport } from './check-export.ts';
import { collectRecords } from './collect-records.ts';
import type { RequesterDeps } from './deps.ts';
import { downloadFiles } from './download-files.ts';
import type { FileShareInput } from './download-files.ts';
import { fetchReferenced } from './fetch-referenced.ts';
import { importFiles } from './import-files.ts';
import { matchMember } from './match-member.ts';
import { beating } from './overlap.ts';
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
    collectRecords: (taskId: string) => beating(() => collectRecords(deps)(taskId)),
    downloadFiles: (share: FileShareInput) => beating(() => downloadFiles(deps)(share)),
    fetchReferenced: (taskId: string) => beating(() => fetchReferenced(deps)(taskId)),
    importFiles: (share: FileShareInput) => beating(() => importFiles(deps)(share)),
    publishImport: (taskId: string) => beating(() => publishImport(deps)(taskId)),
    releaseExport: releaseExport(deps),
    removeImport: removeImport(deps),
  };
}

export type RequesterActivities = ReturnType<typeof createRequesterActivities>;
