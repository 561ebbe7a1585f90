import { STATUS_CODES } from 'node:http';
import type { Call, Reply } from './answers.ts';
import { failureReply, fhirText, readResource, Refusal, refuse, takeFailure } from './answers.ts';
import { requireBearer } from './bearer.ts';
import { batchEntry, bundleText } from './bundle-text.ts';
import { at, textsAt } from './json.ts';
import { readRecord } from './records.ts';
import type { IssuedToken, State } from './state.ts';

/** `POST [base]` with a batch of reads; every entry has a status of its own. */
export function answerBatch(state: State, call: Call): Reply {
  const options = state.behaviour.batch;
  if (!options.enabled) throw refuse(404, 'not-supported', 'no such interaction');
  const token = requireBearer(state, call);
  const failure = takeFailure(options.failures);
  if (failure) return failureReply(failure);
  const bundle = readResource(call, 'Bundle');
  if (bundle['type'] !== 'batch') throw refuse(400, 'not-supported', 'the Bundle is no batch');
  const entries = at(bundle, 'entry');
  if (options.maxEntries !== null && entries.length > options.maxEntries)
    throw refuse(413, 'too-costly', `a batch has at most ${options.maxEntries} entries`);
  const answers = entries.map((entry) => answerEntry(state, token, entry));
  return fhirText(200, bundleText({ type: 'batch-response', entries: answers }));
}

function answerEntry(state: State, token: IssuedToken, entry: unknown): string {
  try {
    const [, type, id] =
      /^\/?([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(textsAt(entry, 'request.url')[0] ?? '') ?? [];
    if (textsAt(entry, 'request.method')[0] !== 'GET' || type === undefined || id === undefined)
      throw refuse(400, 'not-supported', 'an entry is no read');
    return batchEntry(statusLine(200), { resource: readRecord(state, token, type, id) });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return batchEntry(statusLine(error.answer.status), { outcome: String(error.answer.body) });
  }
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trim();
}
