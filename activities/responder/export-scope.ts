import type { Disclosed, PartnerContext } from '../../fhir/disclosure.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { frozenRecord } from '../../fhir/frozen-record.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import { deniedRequests } from '../../store/denied-requests.ts';
import type { ExportJob, FileConsent } from '../../store/export-jobs.ts';
import type { CompartmentQuery, StoredResource } from '../../store/fhir-store.ts';
import type { Match } from '../../store/matches.ts';
import type { ResponderDeps } from './deps.ts';

/** What a job may export now: consent is asked for at every step, not only when the export began. */
export interface ExportScope {
  /** All compartments of the members, imported ones included. */
  readonly patientIds: readonly string[];
  /** Under which files are written from now on. */
  readonly consents: readonly FileConsent[];
  /** The member whose compartment this is; undefined for what belongs to none. */
  memberOf(resource: StoredResource): string | undefined;
  /** What becomes of a resource; undefined for what no export holds: evidence, another member's, what lists members. */
  disclose(resource: StoredResource): Promise<Disclosed | undefined>;
  /**
   * To be asked at every resource; looks only so often.
   * @throws ExchangeError `consent-withdrawn` when one is no longer in force, `unavailable` (begin anew) when one was replaced
   */
  stillInForce(): Promise<void>;
}

const LOOK_AGAIN_MS = 2000;

/** @throws ExchangeError `consent-withdrawn` when a consent of one of the members is no longer in force */
export async function exportScope(deps: ResponderDeps, job: ExportJob): Promise<ExportScope> {
  const matchOf = await matchesInForce(deps, job);
  const memberOf = new Map<string, string>();
  for (const patientId of job.patientIds) {
    for (const id of await deps.fhir.linkedPatients(patientId)) memberOf.set(id, patientId);
  }
  const contexts = partnerContexts(deps, job, matchOf, memberOf);
  let lookedAt = Date.now();
  return {
    patientIds: [...memberOf.keys()],
    consents: [...matchOf.values()].map(({ patientId, policy, consentSha256 }) => ({
      ...{ patientId, policy },
      ...(consentSha256 !== undefined && { consentSha256 }),
    })),
    memberOf: ({ patientId }) => (patientId === undefined ? undefined : memberOf.get(patientId)),
    async disclose(resource) {
      if (resource.deleted || resource.evidence) return undefined;
      const member = resource.patientId === undefined ? undefined : memberOf.get(resource.patientId);
      if (resource.patientId === undefined ? !isShared(resource.type) : member === undefined) return undefined;
      const partner = job.isOperator ? undefined : contexts(member);
      return deps.disclosure.disclose(resource.text, { clientId: job.clientId, partner });
    },
    async stillInForce() {
      if (Date.now() - lookedAt < LOOK_AGAIN_MS) return;
      const now = await matchesInForce(deps, job);
      const changed = [...now].some(([id, { consentSha256 }]) => matchOf.get(id)?.consentSha256 !== consentSha256);
      if (changed) throw new ExchangeError('unavailable', { detail: 'a consent was replaced' });
      lookedAt = Date.now();
    },
  };
}

async function matchesInForce({ matches }: ResponderDeps, job: ExportJob): Promise<ReadonlyMap<string, Match>> {
  const inForce = job.isOperator ? [] : await matches.inForce(job.clientId, new Date(), job.patientIds);
  const matchOf = new Map(inForce.map((match) => [match.patientId, match]));
  if (!job.isOperator && job.patientIds.some((id) => !matchOf.has(id))) throw new ExchangeError('consent-withdrawn');
  return matchOf;
}

/** What the rules must know of a member; for what belongs to none, of all members of the job. */
function partnerContexts(
  { matches, fhir }: ResponderDeps,
  job: ExportJob,
  matchOf: ReadonlyMap<string, Match>,
  memberOf: ReadonlyMap<string, string>,
): (member: string | undefined) => PartnerContext {
  const asOf = job.transactionTime === undefined ? job.createdAt : new Date(job.transactionTime);
  const consents = new Map<string, Promise<Fields>>();
  const consentOf = ({ id }: Match): Promise<Fields> => {
    const consent = consents.get(id) ?? matches.consentOf(id).then(frozenRecord);
    consents.set(id, consent);
    return consent;
  };
  const contextOf = (member: string | undefined): PartnerContext => {
    const own = [...matchOf.values()].filter(({ patientId }) => member === undefined || patientId === member);
    const compartments = [...memberOf].flatMap(([id, of]) => (of === member ? [id] : []));
    let denied: Promise<ReadonlySet<string>> | undefined;
    return {
      asOf,
      policy: own.every(({ policy }) => policy === 'sensitive') ? 'sensitive' : 'regular',
      consents: () => Promise.all(own.map(consentOf)),
      deniedRequests: () => (denied ??= deniedRequests(fhir, compartments)),
    };
  };
  const known = new Map<string | undefined, PartnerContext>();
  return (member) => {
    const context = known.get(member) ?? contextOf(member);
    known.set(member, context);
    return context;
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
