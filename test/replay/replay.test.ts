import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../temporal/bundle.ts';
import { encodingOf, payloadsOf, valueOf } from '../support/histories.ts';
import type { FoundPayload, History } from '../support/histories.ts';
import { recordingConverter } from './key.ts';
import { recordings } from './recording-format.ts';
import type { Recording } from './recording-format.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** What the recorded exchanges were about: the member's data in both stores, in the request, and what opens doors. */
const SECRETS = [
  ...['Person', 'Somebody', 'Ann', 'Zoë', 'Zo', '1974-12-25', 'M-1', 'N-1', 'p1', 'local-1'],
  ...['eyJ\\w*', 'Bearer', 'client_assertion', 'https?://', 'resourceType', 'Patient/\\S+'],
].map((text) => new RegExp(`(?<![\\w-])${text}(?![\\w-])`, 'iu'));

/** Every field that a history may hold: an id, a count, a code, a time or a limit. */
const FIELDS = new Set([
  ...['taskId', 'jobId', 'payerPid', 'skipMatch', 'limits', 'retry', 'initialMs', 'maximumMs', 'attempts'],
  ...['exportDeadlineMs', 'pollFloorMs', 'pollCeilingMs', 'parallelFiles', 'slotRetryMs', 'retryAfterMs'],
  ...['status', 'step', 'reason', 'state', 'progressPercent', 'expiresAt', 'scope', 'first', 'last'],
  ...['files', 'resources', 'types', 'type', 'small', 'groups', 'position', 'of', 'message', 'stack_trace'],
  // Of the markers that `patched` leaves.
  ...['id', 'deprecated', 'synchronous'],
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

const isIndexed = (at: string): boolean => /searchAttributes/i.test(at);
/** The name of a change of the workflows, which the SDK writes. */
const isPatch = (at: string): boolean => /markerRecorded.*patch-data/.test(at);
/** What it says of an activity that was cancelled before a worker had it. */
const isServers = ({ payload, path: at }: FoundPayload): boolean =>
  isPatch(at) || Buffer.from(payload.data ?? []).toString('utf8') === '"ACTIVITY_ID_NOT_STARTED"';

/** The texts of a value, and the names of all its fields. */
function* partsOf(value: unknown, field = ''): Generator<{ readonly field: string; readonly text?: string }> {
  yield typeof value === 'string' ? { field, text: value } : { field };
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) yield* partsOf(part, Array.isArray(value) ? field : name);
}

describe.each(recordings().map((recording) => [recording.name, recording] as const))('%s', (_name, recording) => {
  const payloads = payloadsOf(recording.history);

  it('replays with the workflows as they are now', async () => {
    expect(await replay(recording, recording.history)).toBeUndefined();
  });

  it('has every payload encrypted but those that the server searches by or wrote itself', () => {
    const plain = payloads.filter(({ payload }) => encodingOf(payload) !== 'binary/encrypted');
    expect(payloads.length).toBeGreaterThan(5);
    expect(plain.filter((each) => !isIndexed(each.path) && !isServers(each)).map((each) => each.path)).toEqual([]);
  });

  it('says in plain text that something failed, never what', () => {
    const said = [...recording.text.matchAll(/"(?:message|stackTrace)":"([^"]*)"/g)].map(([, text]) => text);
    expect(said.filter((text) => text !== '' && text !== 'Encoded failure')).toEqual([]);
    // Encrypted bytes, as base64, may by chance read like anything.
    const readable = recording.text.replaceAll(/"data":"[^"]*"/g, '');
    expect(SECRETS.filter((secret) => secret.test(readable)).map(String)).toEqual([]);
  });

  it('holds nothing but ids, counts, codes and times behind the encryption', async () => {
    const values = await Promise.all(payloads.map(({ payload }) => valueOf(payload, recordingConverter)));
    const parts = values.flatMap((value) => [...partsOf(value)]);
    const long = parts.filter(({ field, text = '' }) => text.length > LONGEST_TEXT && field !== 'stack_trace');
    const secret = parts.filter(({ text = '' }) => SECRETS.some((pattern) => pattern.test(text)));
    expect(parts.filter(({ field }) => field !== '' && !FIELDS.has(field))).toEqual([]);
    expect([...long, ...secret]).toEqual([]);
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
