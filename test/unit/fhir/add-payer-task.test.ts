import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { addPayerTaskText, assertTransition, readAddPayerTask } from '../../../fhir/add-payer-task.ts';
import type { TaskState } from '../../../fhir/task.ts';

const EXAMPLE = readFileSync('test/fixtures/vendor/add-payer-task.json', 'utf8');

const state: TaskState = {
  ...{ id: 'p2p-task-1', code: 'x', status: 'accepted', businessStatus: '', reason: undefined, version: 2 },
  ...{ patientId: 'p', ownerId: 'o', output: [], authoredOn: '', lastModified: '2026-01-01T00:00:00.000Z' },
};

describe('the published request to add a payer', () => {
  it('is read with its placeholders', () => {
    expect(readAddPayerTask(EXAMPLE)).toEqual({
      ...{ status: 'requested', patientId: '<Patient_ID>', ownerId: '<Organization_ID>' },
      identifier: '<Patient_ID>-<Organization_ID>-<Task_Creation_Date_Time>',
      inputs: {
        'requester-first-name': '<member_first_name>',
        'requester-last-name': '<requester_last_name>',
        'new-payer-name': '<new_payer_name>',
        'requester-email': '<member_email_address>',
        'requester-phone': '1111111111',
      },
    });
  });

  it('stands there as it was posted, with id, version, state and time of the server', () => {
    const posted = EXAMPLE.replace('"intent"', '"x":[1.50,"\\u00e9"],"intent"');
    const text = addPayerTaskText(posted, state);
    expect(text).toContain('[1.50,"\\u00e9"]');
    expect(JSON.parse(text)).toEqual({
      ...(JSON.parse(posted) as object),
      ...{ id: 'p2p-task-1', status: 'accepted', lastModified: state.lastModified },
      meta: { versionId: '2', lastUpdated: state.lastModified },
    });
  });

  it.each(['', '[]', '{"resourceType":"Patient"}', EXAMPLE.replace('"intent"', '"status":"failed","intent"')])(
    'is not read from %j',
    (text) => {
      expect(() => readAddPayerTask(text)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
    },
  );
});

describe('the state of a request', () => {
  it.each([
    ['requested', 'accepted'],
    ['requested', 'completed'],
    ['received', 'rejected'],
    ['accepted', 'in-progress'],
    ['in-progress', 'in-progress'],
    ['in-progress', 'failed'],
  ])('leads from %s to %s', (from, to) => {
    expect(() => assertTransition(from, to)).not.toThrow();
  });

  it.each([
    ['accepted', 'requested'],
    ['in-progress', 'rejected'],
    ['completed', 'completed'],
    ['cancelled', 'requested'],
    ['rejected', 'accepted'],
  ])('does not lead from %s to %s', (from, to) => {
    expect(() => assertTransition(from, to)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });
});
