import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { exportWorkflowId, removalWorkflowId } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { createStage, failing, failure, until, untilCancelled } from '../support/scripted-activities.ts';
import type { Played, Script } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

const TYPES = ['Claim', 'Encounter', 'Observation', 'Patient'];
const stage = createStage();
let host: WorkflowHost;

beforeAll(async () => {
  host = await startWorkflowHost(testTemporal(), stage.activities);
});
afterAll(() => host.stop());

interface Ended {
  readonly played: Played;
  readonly result: unknown;
  readonly cause: Error | undefined;
}

async function begin(script: Script): Promise<Played> {
  const played = stage.play({ freezeScope: async () => ({ types: TYPES }), ...script });
  await host.exports.start(played.id);
  return played;
}

async function end(played: Played): Promise<Ended> {
  try {
    return { played, result: await host.handle(exportWorkflowId(played.id)).result(), cause: undefined };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { played, result: undefined, cause: error.cause };
  }
}

const run = async (script: Script = {}): Promise<Ended> => end(await begin(script));

describe('an export', () => {
  it('freezes its scope, writes every type and then shows its manifest', async () => {
    const { played, result } = await run({
      writeResourceType: async ({ position }) => ({ files: 1, resources: position }),
    });
    const steps = played.steps();
    expect([steps[0], steps.at(-1), steps.length]).toEqual(['freezeScope', 'finishManifest', TYPES.length + 2]);
    expect(result).toEqual({ files: 4, resources: 10 });
  });

  it('names each type with its place among them', async () => {
    const { played } = await run();
    const inputs = played.calls.filter(({ name }) => name === 'writeResourceType').map(({ input }) => input);
    expect(inputs).toHaveLength(TYPES.length);
    expect(inputs).toEqual(
      expect.arrayContaining(TYPES.map((type, index) => ({ jobId: played.id, type, position: index + 1, of: 4 }))),
    );
  });

  it('writes the types of a group in one step', async () => {
    const { played, result } = await run({
      freezeScope: async () => ({ types: TYPES, groups: [['Observation'], ['Claim', 'Encounter', 'Patient']] }),
      writeResourceType: async ({ position }) => ({ files: 1, resources: position }),
    });
    const inputs = played.calls.filter(({ name }) => name.startsWith('write')).map(({ input }) => input);
    expect(inputs).toHaveLength(2);
    expect(inputs).toEqual(
      expect.arrayContaining([
        { jobId: played.id, type: 'Observation', position: 1, of: 4 },
        { jobId: played.id, types: ['Claim', 'Encounter', 'Patient'], position: 4, of: 4 },
      ]),
    );
    expect(result).toEqual({ files: 4, resources: 4 });
  });

  it('of before there were groups writes small types together, and each of the others by itself', async () => {
    const { played, result } = await run({
      freezeScope: async () => ({ types: TYPES, small: ['Claim', 'Patient'] }),
      writeResourceType: async ({ position }) => ({ files: 1, resources: position }),
    });
    const inputs = played.calls.filter(({ name }) => name.startsWith('write')).map(({ input }) => input);
    expect(inputs).toHaveLength(3);
    expect(inputs).toEqual(
      expect.arrayContaining([
        { jobId: played.id, types: ['Claim', 'Patient'], position: 2, of: 4 },
        { jobId: played.id, type: 'Encounter', position: 3, of: 4 },
        { jobId: played.id, type: 'Observation', position: 4, of: 4 },
      ]),
    );
    expect(result).toEqual({ files: 4, resources: 9 });
  });

  it('writes the only small type by itself, too', async () => {
    const { played } = await run({ freezeScope: async () => ({ types: ['Patient'], small: ['Patient'] }) });
    expect(played.steps()).toEqual(['freezeScope', 'writeResourceType', 'finishManifest']);
  });

  it('of nothing has a manifest all the same', async () => {
    const { played, result } = await run({ freezeScope: async () => ({ types: [] }) });
    expect(played.steps()).toEqual(['freezeScope', 'finishManifest']);
    expect(result).toEqual({ files: 0, resources: 0 });
  });

  it('tries a type again that failed for a passing reason', async () => {
    const { result } = await run({
      freezeScope: async () => ({ types: ['Patient'] }),
      writeResourceType: failing(
        1,
        () => failure('internal'),
        () => ({ files: 1, resources: 3 }),
      ),
    });
    expect(result).toEqual({ files: 1, resources: 3 });
  });

  it('that fails takes its files away, and then says so', async () => {
    const { played, cause } = await run({
      freezeScope: async () => {
        throw failure('consent-withdrawn');
      },
    });
    expect(played.steps()).toEqual(['freezeScope', 'removeExport', 'failExport']);
    expect(cause instanceof ApplicationFailure && cause.type).toBe('consent-withdrawn');
  });

  it('whose one type fails writes no further type, and nobody writes any more when its files are taken away', async () => {
    let writing = 0;
    let writingAtRemoval = 0;
    const { played } = await run({
      writeResourceType: async ({ type }) => {
        if (type === 'Claim') {
          await until(() => writing === 1, 'the other type is being written');
          throw failure('consent-withdrawn');
        }
        writing++;
        return untilCancelled().finally(() => writing--);
      },
      removeExport: async () => {
        writingAtRemoval = writing;
      },
    });
    expect(played.steps()).toEqual([
      ...['freezeScope', 'writeResourceType', 'writeResourceType'],
      ...['removeExport', 'failExport'],
    ]);
    expect(writingAtRemoval).toBe(0);
  });

  it('that its partner deletes while it runs takes its files away and is no failure', async () => {
    const played = await begin({ writeResourceType: untilCancelled });
    await until(() => played.count('writeResourceType') === 2, 'two types are being written');
    await host.exports.cancel(played.id);
    const { cause } = await end(played);
    expect(cause).toBeInstanceOf(CancelledFailure);
    expect(played.steps().slice(3)).toEqual(['removeExport']);
  });

  it('is started once, however often it is asked for', async () => {
    const played = await begin({});
    await host.exports.start(played.id);
    await end(played);
    await host.exports.start(played.id);
    expect(played.count('freezeScope')).toBe(1);
  });
});

describe('a removal', () => {
  it('takes the files away', async () => {
    const played = stage.play();
    await host.exports.remove(played.id);
    await host.handle(removalWorkflowId(played.id)).result();
    expect(played.steps()).toEqual(['removeExport']);
  });

  it('goes on until the files are gone', async () => {
    const played = stage.play({
      removeExport: failing(
        1,
        () => failure('internal'),
        () => undefined,
      ),
    });
    await host.exports.remove(played.id);
    await host.handle(removalWorkflowId(played.id)).result();
    expect(played.count('removeExport')).toBe(2);
  });
});
