/** Claims, what became of them, and what the member was told: the types that say what was paid, and what was authorized. */
export const CLAIM_TYPES: ReadonlySet<string> = new Set(['Claim', 'ClaimResponse', 'ExplanationOfBenefit']);
