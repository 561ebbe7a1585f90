import type { Disclosed, DisclosureContext, PartnerContext } from '../../fhir/disclosure.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { frozenRecord } from '../../fhir/frozen-record.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { goesAlong } from '../../fhir/open-types.ts';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { deniedRequests } from '../../store/denied-requests.ts';
import type { FileConsent } from '../../store/export-files.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ExportMember } from '../../store/export-scope.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { Match } from '../../store/matches.ts';
import type { ResponderDeps } from './deps.ts';
import { isByName, MEMBERS_AT_ONCE } from './export-members.ts';

/** What a job may export now of some of its members: consent is asked for at every step, not only when it began. */
export interface ExportScope {
  /** Those of them that may be exported, by id. */
  readonly members: readonly string[];
  /** The last one by id, exported or not. */
  readonly upTo: string;
  /** All compartments of these members, imported ones included. */
  readonly patientIds: readonly string[];
  /** Under which a member's records are written from now on, or what belongs to none; none for an operator. */
  consentsOf(member: string | undefined): readonly FileConsent[];
  /** The member whose compartment this is; undefined for what belongs to none. */
  memberOf(resource: Pick<StoredResource, 'patientId'>): string | undefined;
  /**
   * What becomes of a resource, or of the text that is given in the place of its own; undefined for what no export holds:
   * evidence, another member's, what lists members.
   */
  disclose(resource: StoredResource, text?: string): Disclosed | undefined | Promise<Disclosed>;
  /** Whether an export may hold it at all, whatever the rules of disclosure make of it. */
  reaches(resource: StoredResource): boolean;
  /** As `Disclosure` has it: what is unmarked goes out as it is, if the scope reaches it. */
  unmarked(type: string): Unmarked | undefined;
  /**
   * To be asked at every batch; looks only so often.
   * @throws ExchangeError `consent-withdrawn` when one is no longer in force, `unavailable` (begin anew) when one was replaced
   */
  stillInForce(): Promise<void>;
}

const LOOK_AGAIN_MS = 2000;

/** The members of a job, some at a time; of everything that is stored one scope without members. */
export async function* exportScopes(deps: ResponderDeps, job: ExportJob): AsyncGenerator<ExportScope> {
  if (job.level === 'system') yield exportScope(deps, job, []);
  let after = '';
  for (;;) {
    const members = await deps.jobs.members(job.id, after, MEMBERS_AT_ONCE);
    if (members.length > 0) yield exportScope(deps, job, members);
    after = members.at(-1)?.memberId ?? '';
    if (members.length < MEMBERS_AT_ONCE) return;
  }
}

/**
 * @throws ExchangeError `consent-withdrawn` when a consent is no longer in force of a member whom the job names; of others
 *   such members are left out
 */
export async function exportScope(
  deps: ResponderDeps,
  job: ExportJob,
  asked: readonly ExportMember[],
): Promise<ExportScope> {
  const matchOf = await matchesInForce(deps, job, asked);
  const members = job.isOperator ? asked : asked.filter(({ memberId }) => matchOf.has(memberId));
  const memberOf = new Map<string, string>();
  for (const { memberId, patientIds } of members) for (const id of patientIds) memberOf.set(id, memberId);
  const contexts = partnerContexts(deps, job, matchOf, memberOf);
  const consents = fileConsents(job, [...matchOf.values()]);
  const contextOf = (member: string | undefined): DisclosureContext => ({
    clientId: job.clientId,
    partner: job.isOperator ? undefined : contexts(member),
  });
  const reached = (resource: StoredResource): DisclosureContext | undefined => {
    if (resource.deleted || resource.evidence) return undefined;
    const member = resource.patientId === undefined ? undefined : memberOf.get(resource.patientId);
    const isIn = resource.patientId === undefined ? goesAlong(resource.type) : member !== undefined;
    return isIn || job.level === 'system' ? contextOf(member) : undefined;
  };
  let lookedAt = Date.now();
  return {
    members: members.map(({ memberId }) => memberId),
    upTo: asked.at(-1)?.memberId ?? '',
    patientIds: [...memberOf.keys()],
    consentsOf: (member) => consents.get(member) ?? [],
    memberOf: ({ patientId }) => (patientId === undefined ? undefined : memberOf.get(patientId)),
    disclose(resource, text) {
      const context = reached(resource);
      return context && deps.disclosure.disclose(text ?? resource.text, context);
    },
    reaches: (resource) => reached(resource) !== undefined,
    unmarked: (type) => deps.disclosure.unmarked(type, contextOf(undefined)),
    async stillInForce() {
      if (Date.now() - lookedAt < LOOK_AGAIN_MS) return;
      const now = await matchesInForce(deps, job, members);
      const isSame = ([id, { consentSha256 }]: readonly [string, Match]): boolean => {
        const match = now.get(id);
        return match !== undefined && match.consentSha256 === consentSha256;
      };
      if (![...matchOf].every(isSame)) throw new ExchangeError('unavailable', { detail: 'a consent was replaced' });
      lookedAt = Date.now();
    },
  };
}

/** What belongs to no member is closed with each of those who were named; in exports of others it stays. */
function fileConsents(
  job: ExportJob,
  matches: readonly Match[],
): ReadonlyMap<string | undefined, readonly FileConsent[]> {
  const all = matches.map(({ patientId, policy, consentSha256 }) => ({
    ...{ patientId, policy },
    ...(consentSha256 !== undefined && { consentSha256 }),
  }));
  const own = all.map((consent) => [consent.patientId, [consent]] as const);
  return new Map<string | undefined, readonly FileConsent[]>([...own, [undefined, isByName(job) ? all : []]]);
}

async function matchesInForce(
  { matches }: ResponderDeps,
  job: ExportJob,
  members: readonly ExportMember[],
): Promise<ReadonlyMap<string, Match>> {
  const ids = members.map(({ memberId }) => memberId);
  const inForce = job.isOperator ? [] : await matches.inForce(job.clientId, new Date(), ids);
  const matchOf = new Map(inForce.map((match) => [match.patientId, match]));
  if (!job.isOperator && isByName(job) && ids.some((id) => !matchOf.has(id))) {
    throw new ExchangeError('consent-withdrawn');
  }
  return matchOf;
}

/** What the rules must know of a member; for what belongs to none, of all members of the scope, and that there are others. */
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
    const match = member === undefined ? undefined : matchOf.get(member);
    const own = member === undefined ? [...matchOf.values()] : match === undefined ? [] : [match];
    let denied: Promise<ReadonlySet<string>> | undefined;
    return {
      asOf,
      policy:
        own.every(({ policy }) => policy === 'sensitive') && own.length < MEMBERS_AT_ONCE ? 'sensitive' : 'regular',
      consents: () => Promise.all(own.map(consentOf)),
      deniedRequests: () =>
        (denied ??= deniedRequests(
          fhir,
          [...memberOf].flatMap(([id, of]) => (of === member ? [id] : [])),
        )),
    };
  };
  const known = new Map<string | undefined, PartnerContext>();
  return (member) => {
    const context = known.get(member) ?? contextOf(member);
    known.set(member, context);
    return context;
  };
}
