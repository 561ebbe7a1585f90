/** Canonical URLs of the extensions that Carryover itself writes. */

const STRUCTURE_DEFINITIONS = 'http://payer-to-payer-exchange/StructureDefinition';

/** valueIdentifier: the id of an imported resource at the responding payer, where its type has no free `identifier`. */
export const ORIGINAL_ID_EXTENSION = `${STRUCTURE_DEFINITIONS}/original-id`;

/** valueString, on a Reference: the literal reference whose target was never delivered. */
export const ORIGINAL_REFERENCE_EXTENSION = `${STRUCTURE_DEFINITIONS}/original-reference`;

/** valueString (lower-case hex), on a DocumentReference: SHA-256 of the file as the responding payer sent it. */
export const ORIGINAL_SHA256_EXTENSION = `${STRUCTURE_DEFINITIONS}/original-sha256`;
