import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import type { ResourceKey, WriteResult } from '../../store/fhir-store.ts';
import { matchOf } from './conditional.ts';
import { locationOf, requireOperator, resourceAnswer, versionOfTag } from './interaction.ts';
import type { Answer, RestContext } from './interaction.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `ifNoneExist`: the search of `If-None-Exist`; one match makes the creation the answer to that. */
export async function create(context: RestContext, type: string, text: string, ifNoneExist?: string): Promise<Answer> {
  requireOperator(context.access);
  readBody(text, type);
  if (ifNoneExist !== undefined) {
    const present = await matchOf(context, type, ifNoneExist, 'version-conflict');
    if (present !== undefined) return { ...resourceAnswer(present), location: locationOf(present) };
  }
  return written(context, await context.store.write([{ kind: 'create', type, text }]));
}

export async function update(
  context: RestContext,
  type: string,
  id: string,
  text: string,
  ifMatch?: string,
): Promise<Answer> {
  requireOperator(context.access);
  requireSameId(readBody(text, type), id);
  return updateTo(context, { type, id }, text, ifMatch);
}

/** The text becomes the newest version of the resource; its id is written into it. */
export async function updateTo(
  context: RestContext,
  key: ResourceKey,
  text: string,
  ifMatch: string | undefined,
): Promise<Answer> {
  const condition = ifMatch === undefined ? {} : { ifMatch: versionOfTag(ifMatch) };
  return written(context, await context.store.write([{ kind: 'update', ...key, text, ...condition }]));
}

/** What never was is as gone as what was deleted (http://hl7.org/fhir/R4/http.html#delete). */
export async function remove(context: RestContext, type: string, id: string, ifMatch?: string): Promise<Answer> {
  requireOperator(context.access);
  const condition = ifMatch === undefined ? {} : { ifMatch: versionOfTag(ifMatch) };
  if ((await context.store.read(type, id)) === undefined) return { status: 204 };
  const [result] = await context.store.write([{ kind: 'delete', type, id, ...condition }]);
  return { status: 204, ...(result && { versionId: result.resource.versionId }) };
}

/** @throws ExchangeError `request-invalid` where the text is no resource of the type */
export function readBody(text: string, type: string): Fields {
  const resource = parsed(text);
  if (resource === undefined)
    throw new ExchangeError('request-invalid', { diagnostics: 'The body is one FHIR resource in JSON.' });
  if (resource['resourceType'] !== type) {
    throw new ExchangeError('request-invalid', {
      expression: 'resourceType',
      diagnostics: 'The resource is of another type than the URL names.',
    });
  }
  return resource;
}

/** @throws ExchangeError `request-invalid` where the resource has another id than its URL, or none */
export function requireSameId(resource: Fields, id: string): void {
  if (isFhirId(id) && resource['id'] === id) return;
  throw new ExchangeError('request-invalid', {
    expression: `${String(resource['resourceType'])}.id`,
    diagnostics: 'The id of the resource is the one in the URL.',
  });
}

export function writeAnswer({ prefer }: RestContext, { resource, outcome }: WriteResult): Answer {
  if (outcome === 'deleted') return { status: 204, versionId: resource.versionId };
  const { text, ...answer } = resourceAnswer(resource, outcome === 'created' ? 201 : 200);
  const body = prefer.return === 'minimal' ? undefined : prefer.return === 'OperationOutcome' ? WRITTEN : text;
  return { ...answer, location: locationOf(resource), ...(body !== undefined && { text: body }) };
}

const WRITTEN = JSON.stringify({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'information', code: 'informational', diagnostics: 'The resource is stored.' }],
});

function written(context: RestContext, results: readonly WriteResult[]): Answer {
  const [result] = results;
  if (result === undefined) throw new ExchangeError('internal');
  return writeAnswer(context, result);
}

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    // Not JSON: told by the caller, without a word of the body.
    return undefined;
  }
}
