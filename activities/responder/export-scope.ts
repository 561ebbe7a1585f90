import { isSensitive } from '../../fhir/consent.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { CompartmentQuery, StoredResource } from '../../store/fhir-store.ts';
import type { Match } from '../../store/matches.ts';
import type { ResponderDeps } from './deps.ts';

/** What a job may export now: consent is asked for at every step, not only when the export began. */
export interface ExportScope {
  /** All compartments of the members, imported ones included. */
  readonly patientIds: readonly string[];
  /** Whether this may leave: no evidence, of a member what its consent lets through, of what has no owner the open types. */
  mayLeave(resource: StoredResource): boolean;
}

/** @throws ExchangeError `consent-withdrawn` when a consent of one of the members is no longer in force */
export async function exportScope({ fhir, matches }: ResponderDeps, job: ExportJob): Promise<ExportScope> {
  const inForce = job.isOperator ? [] : await matches.inForce(job.clientId, new Date(), job.patientIds);
  const matchOf = new Map(inForce.map((match) => [match.patientId, match]));
  const byPatient = new Map<string, Match | undefined>();
  for (const patientId of job.patientIds) {
    const match = matchOf.get(patientId);
    if (match === undefined && !job.isOperator) throw new ExchangeError('consent-withdrawn');
    for (const id of await fhir.linkedPatients(patientId)) byPatient.set(id, match);
  }
  return {
    patientIds: [...byPatient.keys()],
    mayLeave(resource) {
      if (resource.deleted || resource.evidence) return false;
      if (resource.patientId === undefined) return isShared(resource.type);
      const match = byPatient.get(resource.patientId);
      if (match === undefined) return job.isOperator;
      if (match.policy === 'sensitive') return true;
      const parsed: unknown = JSON.parse(resource.text);
      return !isRecord(parsed) || !isSensitive(parsed);
    },
  };
}

/** A Device may be a member's own or the hospital's: the latter has no owner. */
export const isShared = (type: string): boolean => OPEN_TYPES.has(type) || type === 'Device';

export function compartmentQuery(
  job: ExportJob,
  { patientIds }: ExportScope,
  types: readonly string[],
): CompartmentQuery {
  return {
    ...{ patientIds, origin: job.origin },
    ...(types.length > 0 && { types }),
    ...(job.since !== undefined && { since: job.since.toISOString() }),
    ...(job.transactionTime !== undefined && { asOf: job.transactionTime }),
  };
}
