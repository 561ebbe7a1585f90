import { ERRORS } from '../../fhir/errors.ts';
import { asExchangeError, outcomeOf } from '../outcome.ts';
import { bundleText, responseEntry } from './bundle-text.ts';
import { readRequestBundle, targetOf } from './bundle-request.ts';
import type { RequestEntry } from './bundle-request.ts';
import { conditionalRemove, conditionalUpdate } from './conditional-write.ts';
import { get } from './get.ts';
import type { Answer, RestContext } from './interaction.ts';
import { runTransaction } from './transaction.ts';
import { create, remove, update } from './write.ts';

/** `POST /`: a batch, each entry by itself, or a transaction. */
export async function runBundle(context: RestContext, text: string): Promise<Answer> {
  const bundle = readRequestBundle(text, context.baseUrl);
  const answers =
    bundle.type === 'transaction'
      ? await runTransaction(context, bundle.entries, (url) => get(context, url))
      : await runBatch(context, bundle.entries);
  const entries = answers.map(responseEntry);
  return { status: 200, text: bundleText({ type: `${bundle.type}-response`, links: [], entries }) };
}

async function runBatch(context: RestContext, entries: readonly RequestEntry[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const [index, entry] of entries.entries()) {
    try {
      answers.push(await runEntry(context, entry, index));
    } catch (error) {
      // The other entries of a batch go on: this one's answer says what went wrong.
      answers.push(failureAnswer(error));
    }
  }
  return answers;
}

function failureAnswer(thrown: unknown): Answer {
  const error = asExchangeError(thrown);
  // Without the database no entry can be answered: then the request as a whole is to be sent again.
  if (error.code === 'unavailable') throw error;
  return { status: ERRORS[error.code].status, text: JSON.stringify(outcomeOf(error)) };
}

async function runEntry(context: RestContext, entry: RequestEntry, index: number): Promise<Answer> {
  if (entry.method === 'GET') return get(context, entry.url);
  const { type, id = '', query } = targetOf(entry, index);
  switch (entry.method) {
    case 'POST':
      return create(context, type, entry.text ?? '', entry.ifNoneExist);
    case 'PUT':
      return query === undefined
        ? update(context, type, id, entry.text ?? '', entry.ifMatch)
        : conditionalUpdate(context, type, query, entry.text ?? '', entry.ifMatch);
    case 'DELETE':
      if (query !== undefined) return conditionalRemove(context, type, query);
      return remove(context, type, id, entry.ifMatch);
    default:
      return entry.method satisfies never;
  }
}
