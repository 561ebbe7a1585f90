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

export interface ConsentContext {
  readonly now: Date;
  /** Identifiers of the calling payer's Organization, where we know them. */
  readonly recipient: readonly { readonly system: string; readonly value: string }[];
}

const refused = (rule: string): ConsentDecision => ({ kind: 'refused', rule });

/**
 * Whether a Consent (hrex-consent) lets us disclose to the caller, now: status, permit, period, policy, recipient and
 * action. What the profile asks beyond that is not decided here.
 */
export function decideConsent(consent: Fields, { now, recipient }: ConsentContext): ConsentDecision {
  if (consent['status'] !== 'active') return refused('Consent.status');
  const provision = isRecord(consent['provision']) ? consent['provision'] : undefined;
  if (provision === undefined) return refused('Consent.provision');
  if (provision['type'] !== undefined && provision['type'] !== 'permit') return refused('Consent.provision.type');
  const period = isRecord(provision['period']) ? provision['period'] : {};
  const start = boundOf(period['start'], 'start');
  const end = boundOf(period['end'], 'end');
  if (start === 'invalid' || (start !== undefined && start > now)) return refused('Consent.provision.period.start');
  if (end === 'invalid' || (end !== undefined && end < now)) return refused('Consent.provision.period.end');
  if (!discloses(provision)) return refused('Consent.provision.action');
  if (!namesRecipient(provision, recipient)) return refused('Consent.provision.actor');
  const policy = policyOf(consent);
  return policy === undefined ? refused('Consent.policy.uri') : { kind: 'honoured', policy, start, end };
}

/** Both published spellings of the policy, and the short one of older examples. */
function policyOf(consent: Fields): Policy | undefined {
  const uris = listOf(consent, 'policy').map(({ uri }) => String(uri));
  const named = uris.flatMap((uri) => /(?:^|[/#-])(?:hrex-)?consent\.html#(regular|sensitive)$/.exec(uri)?.[1] ?? []);
  if (named.includes('regular')) return 'regular';
  return named.includes('sensitive') ? 'sensitive' : undefined;
}

function discloses(provision: Fields): boolean {
  const actions = listOf(provision, 'action');
  if (actions.length === 0) return true;
  return actions.some((action) => listOf(action, 'coding').some(({ code }) => code === 'disclose'));
}

/**
 * A recipient (IRCP) must be named. Where both sides have an identifier of the same system, it must be the caller's; a
 * recipient that cannot be compared is taken at its word: the token says who calls.
 */
function namesRecipient(provision: Fields, known: ConsentContext['recipient']): boolean {
  const recipients = listOf(provision, 'actor').filter((actor) => {
    const role = actor['role'];
    return isRecord(role) && listOf(role, 'coding').some(({ code }) => code === 'IRCP');
  });
  if (recipients.length === 0) return false;
  return recipients.some((actor) => {
    const reference = isRecord(actor['reference']) ? actor['reference'] : {};
    const identifier = isRecord(reference['identifier']) ? reference['identifier'] : undefined;
    const comparable = known.filter(({ system }) => system === identifier?.['system']);
    return comparable.length === 0 || comparable.some(({ value }) => value === identifier?.['value']);
  });
}

/** The first or last instant that a FHIR date of any precision includes. */
function boundOf(value: unknown, side: 'start' | 'end'): Date | undefined | 'invalid' {
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
