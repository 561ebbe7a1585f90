import { describe, expect, it } from '@jest/globals';
import { readTaskCriteria } from '../../../fhir/task-criteria.ts';
import type { TaskState } from '../../../fhir/task.ts';

const INTERNAL = 'http://payer-to-payer-exchange/CodeSystem/p2p-internal-codes';
const HREX = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';

const task: TaskState = {
  ...{ id: 't1', code: 'data-request', status: 'failed', businessStatus: 'download', reason: undefined, version: 3 },
  ...{ patientId: 'p1', ownerId: 'o1', output: [], authoredOn: '', lastModified: '' },
};
const holds = (criteria: string, more: Partial<TaskState> = {}): boolean =>
  readTaskCriteria(criteria)({ ...task, ...more });

describe('criteria on Task', () => {
  it.each([
    'Task',
    'Task?',
    'Task?status=failed',
    'Task?status=completed,failed',
    'Task?status=http://hl7.org/fhir/task-status|failed',
    `Task?code=${HREX}|data-request`,
    `Task?code=${HREX}|`,
    'Task?status=failed&code=data-request',
    'Task?patient=p1',
    'Task?subject=Patient/p1',
    'Task?owner=Organization/o1',
    'Task?business-status=download',
    'Task?_id=t1',
  ])('%s holds', (criteria) => {
    expect(holds(criteria)).toBe(true);
  });

  it.each([
    'Task?status=completed',
    'Task?status=http://other|failed',
    'Task?status=failed&code=other',
    `Task?code=${INTERNAL}|data-request`,
    'Task?patient=p2',
    'Task?patient=Organization/p1',
    'Task?owner=o2',
  ])('%s does not', (criteria) => {
    expect(holds(criteria)).toBe(false);
  });

  it('knows in whose system the code of a posted Task is', () => {
    const code = 'p2p-request-add-provider-id';
    expect(holds(`Task?code=${INTERNAL}|${code}`, { code })).toBe(true);
    expect(holds(`Task?code=${HREX}|${code}`, { code })).toBe(false);
  });

  it.each([
    ['Patient?name=x', 'Task?<parameters>'],
    ['Task?a=b?c', 'Task?<parameters>'],
    ['Task?priority=stat', 'priority is not supported'],
    ['Task?status:not=failed', 'status:not is not supported'],
    ['Task?constructor=x', 'constructor is not supported'],
    ['Task?status=', 'status: a value'],
  ])('%s is refused by name', (criteria, said) => {
    expect(() => readTaskCriteria(criteria)).toThrow(
      expect.objectContaining({ diagnostics: expect.stringContaining(said) }),
    );
  });
});
