import type { ExportFileRange } from '../../store/export-files.ts';
import type { ResponderDeps } from './deps.ts';

/** Rows first, then what they are made of: a file that shows is whole. */
export async function removeFiles(
  { jobs, parts }: Pick<ResponderDeps, 'jobs' | 'parts'>,
  jobId: string,
  which: ExportFileRange,
): Promise<void> {
  await jobs.removeFiles(jobId, which);
  await parts.remove(jobId, which);
}
