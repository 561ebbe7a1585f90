import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportJob, ExportJobStore } from '../../store/export-jobs.ts';
import type { MatchStore } from '../../store/matches.ts';

export interface ExportConsents {
  readonly jobs: ExportJobStore;
  readonly matches: MatchStore;
  /** The operator's module decided on what the files hold: its answers hold for the very Consent that it was asked with. */
  readonly hasConsentModule: boolean;
  readonly now: () => Date;
}

const MEMBERS_AT_ONCE = 500;

/**
 * Status and manifest are there while every member whom the job names consents; of an export of a Group, or of all matched,
 * while one of its members does.
 * @throws ExchangeError `consent-withdrawn`
 */
export async function assertConsents(job: ExportJob, { jobs, matches, now }: ExportConsents): Promise<void> {
  if (job.isOperator) return;
  if (job.level === 'members') {
    const inForce = await matches.inForce(job.clientId, now(), job.patientIds);
    if (inForce.length < new Set(job.patientIds).size) throw new ExchangeError('consent-withdrawn');
    return;
  }
  let after: string | undefined = '';
  while (after !== undefined) {
    const members = await jobs.members(job.id, after, MEMBERS_AT_ONCE);
    // Not begun, or of an empty Group.
    if (after === '' && members.length === 0) return;
    const ids = members.map(({ memberId }) => memberId);
    if ((await matches.inForce(job.clientId, now(), ids)).length > 0) return;
    after = members.length < MEMBERS_AT_ONCE ? undefined : ids.at(-1);
  }
  throw new ExchangeError('consent-withdrawn');
}

/**
 * A file is there while everybody consents whose records it holds. One that was written under a wider consent than the one
 * in force holds what the latter does not let through.
 * @throws ExchangeError `consent-withdrawn`
 */
export async function assertFileConsents(
  job: ExportJob,
  { consents }: ExportFile,
  { matches, hasConsentModule, now }: ExportConsents,
): Promise<void> {
  if (job.isOperator) return;
  const ids = consents.map(({ patientId }) => patientId);
  const inForce = ids.length === 0 ? [] : await matches.inForce(job.clientId, now(), ids);
  const matchOf = new Map(inForce.map((match) => [match.patientId, match]));
  const isCovered = consents.every(({ patientId, policy, consentSha256 }) => {
    const match = matchOf.get(patientId);
    if (match === undefined) return false;
    const isNarrower = policy === 'sensitive' && match.policy === 'regular';
    return !isNarrower && (!hasConsentModule || match.consentSha256 === consentSha256);
  });
  if (!isCovered) throw new ExchangeError('consent-withdrawn');
}
