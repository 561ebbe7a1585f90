import { outcomeOfNote } from '../../fhir/export-note.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ResponderDeps } from './deps.ts';
import { NOTES_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';

/** What was not done of the request, an OperationOutcome each: a parameter that was passed over, a Patient left out. */
export async function writeNotes(deps: ResponderDeps, job: ExportJob): Promise<void> {
  const files = new FileSeries(deps, { jobId: job.id, type: 'OperationOutcome', list: 'error', from: NOTES_FROM });
  for (const note of job.notes) await files.write(JSON.stringify(outcomeOfNote(note)));
  await files.close();
}
