/** Escapes as a whole, so that none begins at a backslash that is itself escaped. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g;
const WITHOUT_PLACE = /^\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/;

/** JSON text with U+FFFD for NUL and for halves of surrogate pairs: the JSON of a database holds neither. */
export function storableJson(text: string): string {
  return text.replace(ESCAPE, (escape) => (WITHOUT_PLACE.test(escape) ? '\\ufffd' : escape));
}

/** An OperationOutcome of R4 has seven, and extensions may lie within extensions. */
const MOST_LEVELS = 50;

/** Whether objects and lists lie within each other deeper than what is written down again can be. */
export function isTooDeep(value: unknown, levels = MOST_LEVELS): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isTooDeep(each, levels - 1));
}
