import { SYSTEMS } from './concepts.ts';

/** How the parties of an exchange name a payer to each other. */
export interface PayerName {
  readonly system: string;
  readonly value: string;
  readonly display: string;
}

/** Id and name of the Organization that the sample members are insured with: the responding payer of an exchange. */
export const SAMPLE_PAYER: PayerName & { readonly id: string } = {
  id: 'meadowlark-health-plan',
  system: SYSTEMS.naic,
  value: '95999',
  display: 'Meadowlark Health Plan',
};

const ROOT = 'https://meadowlark.example/fhir/identifier';

/** Identifier systems of the sample payer. */
export const PAYER_SYSTEMS = {
  member: `${ROOT}/member`,
  uniqueMember: `${ROOT}/unique-member`,
  claim: `${ROOT}/claim`,
  priorAuthorization: `${ROOT}/prior-authorization`,
  record: `${ROOT}/record`,
} as const;

/** Root of the extensions that no guide defines. */
export const EXTENSIONS = 'https://meadowlark.example/fhir/StructureDefinition';
