/** Where one of these stands already, only a look at the whole text tells how the store's own are set. */
export const SERVER_META: readonly string[] = ['versionId', 'lastUpdated'];

/** By which prior authorizations and amounts are known: without one, no rule on claims touches a text. */
export const CLAIM_WORDS: readonly string[] = [
  ...['preauthorization', 'payment', 'benefitBalance', 'net', 'unitPrice', 'costToBeneficiary', 'total', 'amount'],
  ...['valueMoney', 'currency', 'urn:iso:std:iso:4217'],
  ...['copay', 'copayment', 'coinsurance', 'deductible', 'eligpercent'],
];
