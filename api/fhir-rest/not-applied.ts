/** One sentence with the names of parameters; they are the caller's own words, and no values. */
export function notApplied(names: readonly string[]): string {
  return `These parameters are not supported and were not applied: ${names.map(shown).join(', ')}.`;
}

export function warning(names: readonly string[]): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'warning', code: 'not-supported', diagnostics: notApplied(names) }],
  });
}

const shown = (name: string): string => name.replace(/[^\w.:-]/g, '').slice(0, 60);
