import { isRecord } from './parameters.ts';
import { listOf } from './member-match.ts';
import type { Fields } from './member-match.ts';

export type Policy = 'regular' | 'sensitive';

export type ConsentDecision =
  | {
      readonly kind: 'honoured';
      readonly policy: Policy;
      readonly start: Date | undefined;
      readonly end: Date | undefined;
    }
  /** `rule` names the element that cannot be complied with; it never says whose consent it was. */
  | { readonly kind: 'refused'; readonly rule: string };

type Identifiers = readonly { readonly system: string; readonly value: string }[];

export interface ConsentContext {
  readonly now: Date;
  /** Identifiers of the calling payer's Organization, where we know them. */
  readonly recipient: Identifiers;
  /** Identifiers of our own Organization. */
  readonly discloser: Identifiers;
}

const refused = (rule: string): ConsentDecision => ({ kind: 'refused', rule });

/** What hrex-consent forbids in a provision: each of them narrows the permission in a way that we do not carry out. */
const NARROWING = ['securityLabel', 'purpose', 'class', 'code', 'dataPeriod', 'data', 'provision'] as const;

/**
 * Whether a Consent (hrex-consent) lets us disclose to the caller, now: status, permit, period, action, both actors,
 * policy, and nothing that narrows it further.
 */
export function decideConsent(consent: Fields, { now, recipient, discloser }: ConsentContext): ConsentDecision {
  if (consent['status'] !== 'active') return refused('Consent.status');
  const provision = isRecord(consent['provision']) ? consent['provision'] : {};
  if (provision['type'] !== 'permit') return refused('Consent.provision.type');
  const narrowing = NARROWING.find((element) => provision[element] !== undefined);
  if (narrowing !== undefined) return refused(`Consent.provision.${narrowing}`);
  const period = isRecord(provision['period']) ? provision['period'] : {};
  const start = boundOf(period['start'], 'start');
  const end = boundOf(period['end'], 'end');
  if (start === 'invalid' || (start !== undefined && start > now)) return refused('Consent.provision.period.start');
  if (end === 'invalid' || (end !== undefined && end < now)) return refused('Consent.provision.period.end');
  if (!listOf(provision, 'action').some((action) => hasCode(action, 'disclose'))) {
    return refused('Consent.provision.action');
  }
  if (!namesActor(provision, 'performer', discloser)) return refused('Consent.provision.actor (role performer)');
  if (!namesActor(provision, 'IRCP', recipient)) return refused('Consent.provision.actor (role IRCP)');
  const policy = policyOf(consent);
  return policy === undefined ? refused('Consent.policy.uri') : { kind: 'honoured', policy, start, end };
}

/** True if the consent itself says that the member took back, or never gave, what an earlier one permitted. */
export function isRevocation({ status, provision }: Fields): boolean {
  return status === 'inactive' || status === 'rejected' || status === 'entered-in-error' || isDenial(provision);
}

const isDenial = (provision: unknown): boolean => isRecord(provision) && provision['type'] === 'deny';

const POLICY =
  /^(?:https?:\/\/hl7\.org\/fhir\/us\/davinci-hrex\/(?:[A-Za-z0-9.-]+\/)?)?(?:StructureDefinition-)?hrex-consent(?:\.html)?#(regular|sensitive)$/;

/** The policy by its canonical URI, that of a version, or the short one of older examples; of two the narrower one. */
function policyOf(consent: Fields): Policy | undefined {
  const named = listOf(consent, 'policy').flatMap(({ uri }) => POLICY.exec(String(uri))?.[1] ?? []);
  if (named.includes('regular')) return 'regular';
  return named.includes('sensitive') ? 'sensitive' : undefined;
}

const hasCode = (concept: Fields, code: string): boolean =>
  listOf(concept, 'coding').some((coding) => coding['code'] === code);

/**
 * An actor of the role must be named. Where both sides have an identifier of the same system, one of them must agree; an
 * actor that cannot be compared is taken at its word: the token says who calls, and the request came to us.
 */
function namesActor(provision: Fields, role: 'performer' | 'IRCP', known: Identifiers): boolean {
  const actors = listOf(provision, 'actor').filter((actor) => isRecord(actor['role']) && hasCode(actor['role'], role));
  return actors.some((actor) => {
    const reference = isRecord(actor['reference']) ? actor['reference'] : {};
    const identifier = isRecord(reference['identifier']) ? reference['identifier'] : undefined;
    const comparable = known.filter(({ system }) => system === identifier?.['system']);
    return comparable.length === 0 || comparable.some(({ value }) => value === identifier?.['value']);
  });
}

/** The first or last instant that a FHIR date of any precision includes. */
export function boundOf(value: unknown, side: 'start' | 'end'): Date | undefined | 'invalid' {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return 'invalid';
  const [, year, month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(value) ?? [];
  if (year === undefined) {
    const instant = new Date(value);
    return Number.isNaN(instant.getTime()) ? 'invalid' : instant;
  }
  const [y, m, d] = [Number(year), month && Number(month) - 1, day && Number(day)];
  if (side === 'start') return new Date(Date.UTC(y, m || 0, d || 1));
  const next = d ? Date.UTC(y, m || 0, d + 1) : m !== undefined && m !== '' ? Date.UTC(y, m + 1) : Date.UTC(y + 1, 0);
  return new Date(next - 1);
}

const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
/** Information sensitivity policies of v3-ActCode under which US law asks for a consent of its own. */
const SENSITIVE = [
  '42CFRPart2',
  'ETH',
  'ETHUD',
  'HIV',
  'MH',
  'PSY',
  'PSYTHPN',
  'BH',
  'OPIOIDUD',
  'SDV',
  'SEX',
  'STD',
  'SUD',
  'SOC',
  'SCA',
  'GDIS',
  'TBOO',
  'VIO',
];

/** Whether a record is labelled as sensitive, and so is left out under a consent for regular data. */
export function isSensitive(resource: Fields): boolean {
  const meta = isRecord(resource['meta']) ? resource['meta'] : {};
  return listOf(meta, 'security').some(
    ({ system, code }) =>
      (system === CONFIDENTIALITY && (code === 'R' || code === 'V')) ||
      (system === ACT_CODE && SENSITIVE.includes(String(code))),
  );
}
