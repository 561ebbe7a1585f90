import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../temporal/bundle.ts';
import { encodingOf, payloadsOf, valueOf } from '../support/histories.ts';
import type { History } from '../support/histories.ts';
import { recordingConverter } from './key.ts';
import { recordings } from './recording-format.ts';
import type { Recording } from './recording-format.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** What the recorded exchanges were about: the member's data in both stores, in the request, and what opens doors. */
const SECRETS = [
  ...['Person', 'Somebody', 'Ann', 'Zoë', 'Zo', '1974-12-25', 'M-1', 'N-1', 'p1', 'local-1', '77'],
  ...['eyJ\\w*', 'Bearer', 'client_assertion', 'https?://', 'resourceType', 'Patient/\\S+'],
].map((text) => new RegExp(`(?<![\\w-])${text}(?![\\w-])`, 'iu'));

/** Every field that a history may hold: an id, a count, a code, a time or a limit. */
const FIELDS = new Set([
  ...['taskId', 'jobId', 'payerPid', 'skipMatch', 'limits', 'retry', 'initialMs', 'maximumMs', 'attempts'],
  ...['exportDeadlineMs', 'pollFloorMs', 'pollCeilingMs', 'parallelFiles', 'slotRetryMs', 'retryAfterMs'],
  ...['status', 'step', 'reason', 'state', 'progressPercent', 'expiresAt', 'scope', 'first', 'last'],
  ...['files', 'resources', 'types', 'type', 'position', 'of', 'message', 'stack_trace'],
]);
const LONGEST_TEXT = 160;

let bundle: { codePath: string };
beforeAll(async () => {
  bundle = await workflowBundle(path.resolve('.cache'));
});

async function replay({ name, workflowId }: Recording, history: History): Promise<Error | undefined> {
  const options = {
    workflowBundle: bundle,
    dataConverter: recordingConverter,
    replayName: name.replaceAll('.', '-'),
  };
  for await (const { error } of Worker.runReplayHistories(options, [{ workflowId, history }])) return error;
  throw new Error('Nothing was replayed.');
}

/** Texts and field names of a value. */
function* partsOf(value: unknown): Generator<{ readonly text?: string; readonly field?: string }> {
  if (typeof value === 'string') yield { text: value };
  if (typeof value !== 'object' || value === null) return;
  for (const [field, part] of Object.entries(value)) {
    if (!Array.isArray(value)) yield { field };
    yield* partsOf(part);
  }
}

describe.each(recordings().map((recording) => [recording.name, recording] as const))('%s', (_name, recording) => {
  const payloads = payloadsOf(recording.history);
  const isIndexed = (at: string): boolean => /searchAttributes/i.test(at);

  it('replays with the workflows as they are now', async () => {
    expect(await replay(recording, recording.history)).toBeUndefined();
  });

  it('has every payload encrypted but those that the server searches by', () => {
    const plain = payloads.filter(
      ({ path, payload }) => !isIndexed(path) && encodingOf(payload) !== 'binary/encrypted',
    );
    expect(payloads.length).toBeGreaterThan(5);
    expect(plain.map(({ path }) => path)).toEqual([]);
  });

  it('says in plain text that something failed, never what', () => {
    const failures = recording.text.match(/"failure":\{[^{}]*/g) ?? [];
    expect(failures.filter((text) => !text.includes('"message":"Encoded failure"'))).toEqual([]);
    expect(SECRETS.filter((secret) => secret.test(recording.text)).map(String)).toEqual([]);
  });

  it('holds nothing but ids, counts, codes and times behind the encryption', async () => {
    const values = await Promise.all(payloads.map(({ payload }) => valueOf(payload, recordingConverter)));
    const parts = values.flatMap((value) => [...partsOf(value)]);
    const texts = parts.flatMap(({ text }) => text ?? []);
    expect(parts.flatMap(({ field }) => field ?? []).filter((field) => !FIELDS.has(field))).toEqual([]);
    expect(texts.filter((text) => text.length > LONGEST_TEXT)).toEqual([]);
    expect(texts.filter((text) => SECRETS.some((secret) => secret.test(text)))).toEqual([]);
  });
});

describe('the replay itself', () => {
  const completed = (): Recording => {
    const found = recordings().find(({ name }) => name.endsWith('-completed.json'));
    if (found === undefined) throw new Error('The history of a completed exchange is missing.');
    return found;
  };

  it('finds a step that the workflows no longer take', async () => {
    const recording = completed();
    const step = recording.history.events?.find(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'matchMember',
    );
    const scheduled = step?.activityTaskScheduledEventAttributes;
    if (!scheduled) throw new Error('The recorded exchange has no match.');
    scheduled.activityType = { name: 'searchMember' };
    expect(await replay(recording, recording.history)).toMatchObject({ name: 'DeterminismViolationError' });
  });
});
