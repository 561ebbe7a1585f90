/** Escapes as a whole, so that none begins at a backslash that is itself escaped. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g;
const WITHOUT_PLACE = /^\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/;

/** JSON text with U+FFFD for NUL and for halves of surrogate pairs: the JSON of a database holds neither. */
export function storableJson(text: string): string {
  return text.replace(ESCAPE, (escape) => (WITHOUT_PLACE.test(escape) ? '\\ufffd' : escape));
}

/** Whether objects and lists lie within each other more than `levels` deep. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeperThan(each, levels - 1));
}
