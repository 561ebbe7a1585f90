function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The elements at a path such as `name.given`, those of all repetitions. */
export function elementsOf(value: unknown, path: string): unknown[] {
  return path.split('.').reduce<unknown[]>(
    (level, step) =>
      level
        .flatMap((each) => (isRecord(each) ? [each[step]] : []))
        .flat()
        .filter((each) => each !== undefined && each !== null),
    [value],
  );
}

/** All strings at `reference`, at any depth. */
export function referencesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  if (!isRecord(value)) return [];
  const own = typeof value['reference'] === 'string' ? [value['reference']] : [];
  return [...own, ...Object.values(value).flatMap(referencesOf)];
}
