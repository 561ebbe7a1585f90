import { isSensitive } from '../../fhir/consent.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { CompartmentQuery, FhirStore, StoredResource } from '../../store/fhir-store.ts';
import type { Match } from '../../store/matches.ts';
import type { ResponderDeps } from './deps.ts';

/** What a job may export now: consent is asked for at every step, not only when the export began. */
export interface ExportScope {
  /** All compartments of the members, imported ones included. */
  readonly patientIds: readonly string[];
  /** Whether consent lets this record of theirs through. */
  allows(resource: StoredResource): boolean;
}

/** @throws ExchangeError `consent-withdrawn` when a consent of one of the members is no longer in force */
export async function exportScope({ fhir, matches }: ResponderDeps, job: ExportJob): Promise<ExportScope> {
  const inForce = job.isOperator ? [] : await matches.inForce(job.clientId, new Date());
  const byPatient = new Map<string, Match | undefined>();
  for (const patientId of job.patientIds) {
    const match = await matchOf(patientId, inForce, fhir);
    if (match === undefined && !job.isOperator) throw new ExchangeError('consent-withdrawn');
    for (const id of await fhir.linkedPatients(patientId)) byPatient.set(id, match);
  }
  return {
    patientIds: [...byPatient.keys()],
    allows(resource) {
      const match = resource.patientId === undefined ? undefined : byPatient.get(resource.patientId);
      if (match === undefined || match.policy === 'sensitive') return true;
      const parsed: unknown = JSON.parse(resource.text);
      return !isRecord(parsed) || !isSensitive(parsed);
    },
  };
}

async function matchOf(patientId: string, inForce: readonly Match[], fhir: FhirStore): Promise<Match | undefined> {
  const direct = inForce.find((match) => match.patientId === patientId);
  if (direct !== undefined || inForce.length === 0) return direct;
  const linked = new Set(await fhir.linkedPatients(patientId));
  return inForce.find((match) => linked.has(match.patientId));
}

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
