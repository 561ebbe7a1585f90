/**
 * Compares a record as it was sent with what was made of it, by its own reading of the contract: nothing here comes from
 * the program. Numbers are compared as they are written.
 */
type Json = null | boolean | string | Json[] | { [key: string]: Json };

/** JSON with every number as the text `#1.50`: `1.50` and `1.5` are two. */
export function exactJson(text: string): Json {
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `"#${token}"`,
  );
  return JSON.parse(marked) as Json;
}

export interface Differences {
  readonly identifierSystem: string;
  readonly tag: string;
  /** `Type/id` at the sender for a local `Type/id`. */
  readonly originalOf: ReadonlyMap<string, string>;
  /** Local `Type/id` of an imported resource by `Type?identifier=system|value` at the sender. */
  readonly byIdentifier: ReadonlyMap<string, string>;
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The record as it was sent, without what its server adds. */
export function asSent(text: string): Json {
  const value = exactJson(text);
  if (isObject(value) && isObject(value['meta'])) dropMeta(value, ['versionId', 'lastUpdated', 'source']);
  return value;
}

/** The imported record with the listed differences taken back. */
export function asReceived(text: string, sent: Json, differences: Differences): Json {
  const value = exactJson(text);
  if (!isObject(value)) return value;
  const { identifierSystem, tag, originalOf } = differences;
  const type = String(value['resourceType']);
  const original = originalOf.get(`${type}/${String(value['id'])}`);
  if (original !== undefined) value['id'] = original.slice(type.length + 1);
  if (isObject(value['meta'])) {
    const tags = value['meta']['tag'];
    if (Array.isArray(tags)) {
      value['meta']['tag'] = tags.filter((each) => !(isObject(each) && each['code'] === tag));
      if (value['meta']['tag'].length === 0) delete value['meta']['tag'];
    }
    dropMeta(value, ['versionId', 'lastUpdated', 'source']);
  }
  dropWhere(value, 'identifier', (each) => each['system'] === identifierSystem);
  dropWhere(value, 'extension', (each) => String(each['url']).endsWith('/StructureDefinition/original-id'));
  return restoreReferences(value, sent, differences);
}

function dropMeta(value: { [key: string]: Json }, keys: readonly string[]): void {
  const meta = value['meta'];
  if (!isObject(meta)) return;
  for (const key of keys) delete meta[key];
  if (Object.keys(meta).length === 0) delete value['meta'];
}

function dropWhere(
  value: { [key: string]: Json },
  key: string,
  isOurs: (each: { [key: string]: Json }) => boolean,
): void {
  const list = value[key];
  if (isObject(list) && isOurs(list)) delete value[key];
  if (!Array.isArray(list)) return;
  const kept = list.filter((each) => !(isObject(each) && isOurs(each)));
  if (kept.length === 0) delete value[key];
  else value[key] = kept;
}

function restoreReferences(value: Json, sent: Json | undefined, differences: Differences): Json {
  if (Array.isArray(value)) {
    return value.map((each, index) =>
      restoreReferences(each, Array.isArray(sent) ? sent[index] : undefined, differences),
    );
  }
  if (!isObject(value)) return value;
  const result: { [key: string]: Json } = {};
  for (const [key, inner] of Object.entries(value)) {
    const before = isObject(sent) ? sent[key] : undefined;
    result[key] =
      key === 'reference' && typeof inner === 'string'
        ? restored(inner, before, differences)
        : restoreReferences(inner, before, differences);
  }
  const kept = Array.isArray(result['extension']) ? result['extension'] : [];
  const lost = kept.find(
    (each) => isObject(each) && String(each['url']).endsWith('/StructureDefinition/original-reference'),
  );
  if (isObject(lost)) {
    result['reference'] = lost['valueString'] ?? null;
    dropWhere(result, 'extension', (each) => each === lost);
    if (isObject(result['identifier']) && result['identifier']['system'] === differences.identifierSystem) {
      delete result['identifier'];
    }
  }
  return result;
}

function restored(local: string, sent: Json | undefined, { originalOf, byIdentifier }: Differences): string {
  if (typeof sent === 'string' && sent.includes('?') && byIdentifier.get(sent) === local) return sent;
  return originalOf.get(local) ?? local;
}
