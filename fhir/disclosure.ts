import { isSensitive } from './consent.ts';
import type { Policy } from './consent.ts';
import { withoutFinancials } from './financial-elements.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';
import { decideAuthorization, isAuthorization, withoutItems } from './prior-authorization.ts';
import type { AuthorizationBar } from './prior-authorization.ts';
import { dayNumber, FOR_OPERATORS, forPartners } from './record-marks.ts';
import type { Unmarked } from './record-marks.ts';
import { firstDay, isSince, serviceEnd } from './service-date.ts';

/** Why a resource, or a part of it, did not go out; for the operator's counts alone. */
export type WithheldReason =
  'sensitive' | AuthorizationBar | 'look-back' | 'financial' | 'consent-module' | 'consent-module-failed';

/** What the operator has set (configuration: `export`). */
export interface DisclosureRules {
  readonly withholdDeniedAuthorizations: boolean;
  readonly withholdDrugAuthorizations: boolean;
  readonly withholdFinancials: boolean;
  /** By the date of service. */
  readonly lookBackYears: number;
}

/** What a consent module is told of who asks. */
export interface ConsentRequest {
  /** The Consent under which the partner asks; undefined for the operator, and for what belongs to no member. */
  readonly consent: Fields | undefined;
  readonly clientId: string;
  readonly caller: 'partner' | 'operator';
}

/** The operator's own module: every resource that goes out passes it, also to the operator. */
export type SeeResource = (request: ConsentRequest, resource: Fields) => Promise<'proceed' | 'reject' | Fields>;

export interface DisclosureContext {
  readonly clientId: string;
  /** Undefined for the operator, to whom no rule but the module applies. */
  readonly partner: PartnerContext | undefined;
}

export interface PartnerContext {
  readonly policy: Policy;
  /** The instant that the look-back counts from. */
  readonly asOf: Date;
  /** Consents under which it may go: that of its member; for what belongs to none, those of all members who are asked for. */
  consents(): Promise<readonly Fields[]>;
  /** Claims of the same member (`Claim/id`) that were denied. */
  deniedRequests(): Promise<ReadonlySet<string>>;
}

export type Disclosed =
  | { readonly kind: 'shown'; readonly text: string; readonly masked: readonly WithheldReason[] }
  | { readonly kind: 'withheld'; readonly reason: WithheldReason };

export interface Disclosure {
  /** At once where nothing has to be waited for: a promise for each of very many texts takes longer than most rules do. */
  disclose(text: string, context: DisclosureContext): Disclosed | Promise<Disclosed>;
  /**
   * For what reads very many: which texts of this type go out as they are, or are withheld by the look-back, by what is marked of
   * them. Undefined where every text has to be disclosed.
   */
  unmarked(type: string, context: DisclosureContext): Unmarked | undefined;
}

export interface DisclosureOptions {
  readonly rules: DisclosureRules;
  readonly seeResource?: SeeResource | undefined;
  /** Told of an error of the module; the resource is withheld. */
  readonly onModuleError?: (error: unknown) => void;
}

export const withheld = (reason: WithheldReason): Disclosed => ({ kind: 'withheld', reason });

/**
 * What becomes of each resource on its way out, in one order for reads, searches and exports: labels, prior authorizations,
 * look-back, amounts, the operator's module. Whose records a caller reaches at all is decided before.
 */
export function createDisclosure({ rules, seeResource, onModuleError }: DisclosureOptions): Disclosure {
  const barred = new Set<AuthorizationBar>();
  if (rules.withholdDeniedAuthorizations) barred.add('denied-authorization');
  if (rules.withholdDrugAuthorizations) barred.add('drug-authorization');

  // The same day for each of very many records.
  let kept = { asOf: new Date(NaN), from: '' };
  const keptFrom = ({ asOf }: PartnerContext): string => {
    if (kept.asOf !== asOf) kept = { asOf, from: firstDay(rules.lookBackYears, asOf) };
    return kept.from;
  };

  const byRules = (text: string, resource: Fields, partner: PartnerContext, isDenied: boolean): Disclosed => {
    if (partner.policy === 'regular' && isSensitive(resource)) return withheld('sensitive');
    const masked: WithheldReason[] = [];
    let left = text;
    if (barred.size > 0 && isAuthorization(resource)) {
      const decision = decideAuthorization(resource, barred, isDenied);
      if (decision.kind === 'barred') return withheld(decision.bar);
      if (decision.kind === 'items') {
        left = withoutItems(left, resource, new Set(decision.bars.keys()));
        masked.push(...new Set(decision.bars.values()));
      }
    }
    if (!isSince(serviceEnd(resource), keptFrom(partner))) return withheld('look-back');
    if (rules.withholdFinancials) {
      const stripped = withoutFinancials(left, left === text ? resource : parsed(left));
      if (stripped !== left) masked.push('financial');
      left = stripped;
    }
    return { kind: 'shown', text: left, masked };
  };

  const ruled = (text: string, partner: PartnerContext): Disclosed | Promise<Disclosed> => {
    const resource = parsed(text);
    if (barred.size === 0 || resource['resourceType'] !== 'Claim' || !isAuthorization(resource)) {
      return byRules(text, resource, partner, false);
    }
    return isDeniedRequest(resource, partner).then((isDenied) => byRules(text, resource, partner, isDenied));
  };

  const byModule = async (shown: Disclosed, see: SeeResource, context: DisclosureContext): Promise<Disclosed> => {
    if (shown.kind === 'withheld') return shown;
    const consents = (await context.partner?.consents()) ?? [];
    try {
      return await askModule(shown, see, context, consents);
    } catch (error) {
      onModuleError?.(error);
      return withheld('consent-module-failed');
    }
  };

  // Of the year in which the look-back ends some days lie before it.
  const yearsKeptFrom = ({ asOf }: PartnerContext): number => asOf.getUTCFullYear() - rules.lookBackYears + 1;

  return {
    unmarked(type, { partner }) {
      if (seeResource !== undefined) return undefined;
      return partner === undefined
        ? FOR_OPERATORS
        : forPartners(type, yearsKeptFrom(partner), dayNumber(keptFrom(partner)));
    },
    disclose(text, context) {
      const { partner } = context;
      const shown: ReturnType<Disclosure['disclose']> =
        partner === undefined ? { kind: 'shown', text, masked: [] } : ruled(text, partner);
      if (seeResource === undefined) return shown;
      return Promise.resolve(shown).then((left) => byModule(left, seeResource, context));
    },
  };
}

async function isDeniedRequest(resource: Fields, partner: PartnerContext): Promise<boolean> {
  return (await partner.deniedRequests()).has(`Claim/${String(resource['id'])}`);
}

/** The first consent that lets it go as it is counts, else the first that lets something of it go. */
async function askModule(
  shown: Extract<Disclosed, { kind: 'shown' }>,
  see: SeeResource,
  { clientId, partner }: DisclosureContext,
  consents: readonly Fields[],
): Promise<Disclosed> {
  const caller = partner === undefined ? 'operator' : 'partner';
  let masking: string | undefined;
  for (const consent of consents.length === 0 ? [undefined] : consents) {
    const answer = await see({ consent, clientId, caller }, parsed(shown.text));
    if (answer === 'proceed') return shown;
    if (answer !== 'reject') masking ??= maskedText(answer, parsed(shown.text));
  }
  if (masking === undefined) return withheld('consent-module');
  return { kind: 'shown', text: masking, masked: [...shown.masked, 'consent-module'] };
}

/** Printed as the module gives it: digits of decimals are those of JavaScript. */
function maskedText(answer: unknown, { resourceType, id }: Fields): string {
  if (!isRecord(answer) || answer['resourceType'] !== resourceType || answer['id'] !== id) {
    throw new TypeError('a masked resource keeps its resourceType and id');
  }
  return JSON.stringify(answer);
}

function parsed(text: string): Fields {
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? value : {};
}
