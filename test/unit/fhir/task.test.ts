import { describe, expect, it } from '@jest/globals';
import { renderTask } from '../../../fhir/task.ts';
import type { ResourceCount } from '../../../fhir/task.ts';

const DELETED = 'http://payer-to-payer-exchange/StructureDefinition/count-deleted';

function outputOf(counts: Partial<ResourceCount>) {
  const count = { type: 'Goal', received: 3, new: 1, updated: 1, unchanged: 1, refused: 0, deleted: 0, ...counts };
  const instant = '2026-11-21T04:35:26.123Z';
  const task = renderTask({
    ...{ id: 't', code: 'data-request', status: 'completed', businessStatus: 'done', reason: undefined },
    ...{ patientId: 'p', ownerId: undefined, version: 1, authoredOn: instant, lastModified: instant },
    output: [{ kind: 'resource-count', count }],
  });
  return task.output?.[0];
}

describe('the count of a type on a Task', () => {
  it('says how many records were deleted, beside those that the exchange left visible', () => {
    const output = outputOf({ deleted: 2 });
    expect(output?.valueUnsignedInt).toBe(3);
    expect(output?.extension).toContainEqual({ url: DELETED, valueUnsignedInt: 2 });
  });

  it('says nothing of deletions where there were none', () => {
    expect(outputOf({})?.extension?.map(({ url }) => url)).not.toContain(DELETED);
  });
});
