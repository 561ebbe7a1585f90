import { randomUUID } from 'node:crypto';
import { withReferences } from '../../fhir/replace-references.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey, StoredResource, Write, WriteResult } from '../../store/fhir-store.ts';
import { targetOf } from './bundle-request.ts';
import type { RequestEntry } from './bundle-request.ts';
import { conditionalReferences } from './conditional-references.ts';
import { matchOf } from './conditional.ts';
import { locationOf, requireOperator, resourceAnswer, versionOfTag } from './interaction.ts';
import type { Answer, RestContext } from './interaction.ts';
import { readBody, requireSameId, writeAnswer } from './write.ts';

/** A writing entry with the id that its resource will have. */
interface Planned {
  readonly index: number;
  readonly entry: RequestEntry;
  readonly key: ResourceKey;
  /** Answers `ifNoneExist`: nothing is created. */
  readonly present?: StoredResource;
  /** A deletion of what is not there: nothing to do. */
  readonly gone?: boolean;
}

/**
 * All entries or none; references between them hold whatever ids the resources get. Reading entries see what the
 * writing ones wrote (http://hl7.org/fhir/R4/http.html#trules).
 */
export async function runTransaction(
  context: RestContext,
  entries: readonly RequestEntry[],
  get: (url: string) => Promise<Answer>,
): Promise<readonly Answer[]> {
  if (entries.some(({ method }) => method !== 'GET')) requireOperator(context.access);
  const answers = new Map<number, Answer>();
  const planned: Planned[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.method !== 'GET') planned.push(await planEntry(context, entry, index));
  }
  const writing = planned.filter(({ present, gone }) => present === undefined && gone !== true);
  const results = writing.length === 0 ? [] : await context.store.write(await writesOf(context, planned, writing));
  for (const [index, result] of results.entries())
    answers.set(writing[index]?.index ?? -1, entryAnswer(context, result));
  for (const { index, present } of planned) {
    if (answers.has(index)) continue;
    answers.set(
      index,
      present ? { ...bodyless(resourceAnswer(present)), location: locationOf(present) } : { status: 204 },
    );
  }
  for (const [index, { method, url }] of entries.entries()) if (method === 'GET') answers.set(index, await get(url));
  return entries.map((_, index) => answers.get(index) ?? { status: 500 });
}

async function planEntry(context: RestContext, entry: RequestEntry, index: number): Promise<Planned> {
  const { store } = context;
  const target = targetOf(entry, index);
  const { type } = target;
  const resource = entry.text === undefined ? undefined : readBody(entry.text, type);
  if (resource !== undefined && target.id !== undefined) requireSameId(resource, target.id);
  const condition = entry.method === 'POST' ? entry.ifNoneExist : target.query;
  const match = condition === undefined ? undefined : await matchOf(context, type, condition, 'version-conflict');
  if (entry.method === 'POST') {
    return match === undefined
      ? { index, entry, key: { type, id: randomUUID() } }
      : { index, entry, key: { type, id: match.id }, present: match };
  }
  const own = typeof resource?.['id'] === 'string' ? resource['id'] : undefined;
  if (resource !== undefined && own !== undefined) requireSameId(resource, own);
  if (match !== undefined && resource !== undefined) requireSameId({ ...resource, id: own ?? match.id }, match.id);
  const key = { type, id: target.id ?? match?.id ?? own ?? randomUUID() };
  if (entry.method === 'PUT') return { index, entry, key };
  const isThere = target.id === undefined ? match !== undefined : (await store.read(type, key.id)) !== undefined;
  return { index, entry, key, gone: !isThere };
}

async function writesOf(
  context: RestContext,
  planned: readonly Planned[],
  writing: readonly Planned[],
): Promise<Write[]> {
  const replacements = new Map(
    await conditionalReferences(
      context,
      writing.flatMap(({ entry }) => entry.text ?? []),
    ),
  );
  for (const { entry, key } of planned) if (entry.fullUrl !== undefined) replacements.set(entry.fullUrl, keyOf(key));
  return writing.map(({ entry, key }): Write => {
    const condition = entry.ifMatch === undefined ? {} : { ifMatch: versionOfTag(entry.ifMatch) };
    if (entry.text === undefined) return { kind: 'delete', ...key, ...condition };
    const text = withReferences(entry.text, replacements);
    return entry.method === 'POST' ? { kind: 'create', ...key, text } : { kind: 'update', ...key, text, ...condition };
  });
}

/** An entry answers with the resource only where that was asked for: a large Bundle need not come back. */
function entryAnswer(context: RestContext, result: WriteResult): Answer {
  const answer = writeAnswer(context, result);
  return context.prefer.return === undefined ? bodyless(answer) : answer;
}

function bodyless({ text: _text, ...answer }: Answer): Answer {
  return answer;
}
