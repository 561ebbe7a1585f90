import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import { matchOf } from './conditional.ts';
import { requireOperator } from './interaction.ts';
import type { Answer, RestContext } from './interaction.ts';
import { create, readBody, remove, updateTo } from './write.ts';

/**
 * The resource that a search finds, or a new one (http://hl7.org/fhir/R4/http.html#cond-update).
 *
 * @throws ExchangeError `version-conflict` where several match
 */
export async function conditionalUpdate(
  context: RestContext,
  type: string,
  query: string,
  text: string,
  ifMatch?: string,
): Promise<Answer> {
  requireOperator(context.access);
  const { id } = readBody(text, type);
  if (id !== undefined && (typeof id !== 'string' || !isFhirId(id))) throw invalidId(type);
  const match = await matchOf(context, type, query, 'version-conflict');
  if (match !== undefined && id !== undefined && id !== match.id) throw invalidId(type);
  if (match === undefined && id === undefined) return create(context, type, text);
  // One of the two is there.
  return updateTo(context, { type, id: match?.id ?? id ?? '' }, text, ifMatch);
}

/** @throws ExchangeError `version-conflict` where several match: none of them is deleted */
export async function conditionalRemove(context: RestContext, type: string, query: string): Promise<Answer> {
  requireOperator(context.access);
  const match = await matchOf(context, type, query, 'version-conflict');
  return match === undefined ? { status: 204 } : remove(context, type, match.id);
}

function invalidId(type: string): ExchangeError {
  return new ExchangeError('request-invalid', {
    expression: `${type}.id`,
    diagnostics: 'The id of the resource is that of the one that matches, or there is none.',
  });
}
