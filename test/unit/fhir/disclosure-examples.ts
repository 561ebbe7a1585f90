import { readFileSync } from 'node:fs';
import path from 'node:path';
import type {
  Disclosed,
  DisclosureContext,
  DisclosureOptions,
  DisclosureRules,
  PartnerContext,
} from '../../../fhir/disclosure.ts';
import { createDisclosure } from '../../../fhir/disclosure.ts';

const folder = path.join(import.meta.dirname, '../../fixtures');

/** The text of an official example, as it is in its file. */
export const exampleText = (name: string): string => readFileSync(path.join(folder, `${name}.json`), 'utf8');

export const RULES: DisclosureRules = {
  withholdDeniedAuthorizations: true,
  withholdDrugAuthorizations: true,
  withholdFinancials: true,
  lookBackYears: 5,
};

export const AS_OF = new Date('2026-11-21T12:00:00Z');

/** Under a consent for regular data, which names nothing that was denied. */
export const PARTNER: PartnerContext = {
  policy: 'regular',
  asOf: AS_OF,
  consents: () => Promise.resolve([]),
  deniedRequests: () => Promise.resolve(new Set()),
};

export const AS_PARTNER: DisclosureContext = { clientId: 'partner', partner: PARTNER };
export const AS_OPERATOR: DisclosureContext = { clientId: 'us', partner: undefined };

/** What a partner gets of a resource, under a consent for regular data. */
export async function disclosed(
  resource: object | string,
  options: Partial<DisclosureOptions> = {},
  partner: Partial<PartnerContext> = {},
): Promise<Disclosed> {
  const text = typeof resource === 'string' ? resource : JSON.stringify(resource);
  return createDisclosure({ rules: RULES, ...options }).disclose(text, {
    ...AS_PARTNER,
    partner: { ...PARTNER, ...partner },
  });
}

/** `shown`, or the reason why it is not. */
export const outcomeOf = (result: Disclosed): string => (result.kind === 'shown' ? 'shown' : result.reason);
