export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every value at a dotted path, arrays flattened on the way: `at(patient, 'name.given')`. */
export function at(value: unknown, path: string): unknown[] {
  let found: unknown[] = [value];
  for (const name of path.split('.')) {
    found = found
      .flatMap((each) => (isRecord(each) ? [each[name]].flat() : []))
      .filter((each) => each !== undefined && each !== null);
  }
  return found;
}

export function textsAt(value: unknown, path: string): string[] {
  return at(value, path).filter((each): each is string => typeof each === 'string' && each !== '');
}

export function hasCoding(value: unknown, path: string, system: string, code: string): boolean {
  return at(value, `${path}.coding`).some(
    (coding) => isRecord(coding) && coding['system'] === system && coding['code'] === code,
  );
}

/** `undefined` for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Broken input is an answer of its own at every caller.
    return undefined;
  }
}

/** Merges `patch` into `target`: plain objects deeply, anything else replaces. */
export function mergeInto(target: object, patch: object): void {
  for (const [name, value] of Object.entries(patch)) {
    const present: unknown = Reflect.get(target, name);
    if (isRecord(present) && isRecord(value)) mergeInto(present, value);
    else if (value !== undefined) Reflect.set(target, name, structuredClone(value));
  }
}
