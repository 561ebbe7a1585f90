import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportFile, ExportJob } from '../../store/export-jobs.ts';
import type { Match, MatchStore } from '../../store/matches.ts';

export interface ExportConsents {
  readonly matches: MatchStore;
  /** The operator's module decided on what the files hold: its answers hold for the very Consent that it was asked with. */
  readonly hasConsentModule: boolean;
  readonly now: () => Date;
}

/**
 * Status, manifest and files are there while every member of the job consents.
 * @throws ExchangeError `consent-withdrawn`
 */
export async function assertConsents(job: ExportJob, { matches, now }: ExportConsents): Promise<readonly Match[]> {
  if (job.isOperator) return [];
  const inForce = await matches.inForce(job.clientId, now(), job.patientIds);
  if (inForce.length < new Set(job.patientIds).size) throw new ExchangeError('consent-withdrawn');
  return inForce;
}

/**
 * A file that was written under a wider consent than the one in force holds what the latter does not let through.
 * @throws ExchangeError `consent-withdrawn`
 */
export function assertFileConsents(
  { consents }: ExportFile,
  inForce: readonly Match[],
  { hasConsentModule }: ExportConsents,
): void {
  const isCovered = consents.every(({ patientId, policy, consentSha256 }) => {
    const match = inForce.find((each) => each.patientId === patientId);
    if (match === undefined) return false;
    const isNarrower = policy === 'sensitive' && match.policy === 'regular';
    return !isNarrower && (!hasConsentModule || match.consentSha256 === consentSha256);
  });
  if (!isCovered) throw new ExchangeError('consent-withdrawn');
}
