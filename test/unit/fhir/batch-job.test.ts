import { describe, expect, it } from '@jest/globals';
import { BATCH_STATUSES, batchStatus, readBundleRequest } from '../../../fhir/batch-job.ts';
import type { BatchStatus } from '../../../fhir/batch-job.ts';

describe('the state of a batch job', () => {
  it.each<[string, boolean, BatchStatus]>([
    ['requested', false, 'STARTING'],
    ['accepted', false, 'STARTING'],
    ['in-progress', false, 'STARTED'],
    ['requested', true, 'STOPPING'],
    ['accepted', true, 'STOPPING'],
    ['in-progress', true, 'STOPPING'],
    ['cancelled', true, 'STOPPED'],
    ['completed', false, 'COMPLETED'],
    ['completed', true, 'COMPLETED'],
    ['failed', false, 'FAILED'],
    ['failed', true, 'FAILED'],
  ])('of a Task that is %s, cancellation asked for: %s, is %s', (status, isStopping, expected) => {
    expect(batchStatus(status, isStopping)).toBe(expected);
  });

  it('has each of the published values', () => {
    const tasks = ['requested', 'accepted', 'in-progress', 'completed', 'failed', 'cancelled'];
    const reached = tasks.flatMap((status) => [batchStatus(status, false), batchStatus(status, true)]);
    expect([...new Set(reached)].sort()).toEqual([...BATCH_STATUSES].sort());
  });
});

describe('the request to run at the payer', () => {
  const BASE = 'https://payer.example/fhir/r4';
  const read = (text: string) => readBundleRequest(text, BASE);

  it.each([
    ['Patient/m1/$export', ['instance-level'], 'm1'],
    ['/Patient/m1/$export?_type=Patient', ['instance-level'], 'm1'],
    [`${BASE}/Patient/m1/$export`, ['instance-level'], 'm1'],
    ['Patient/$export', ['token-bound', 'type-level'], undefined],
    ['Patient/$export?patient=Patient/m1', ['type-level', 'token-bound'], 'm1'],
    ['Patient/m1/$everything?_count=10', ['everything'], 'm1'],
    ['Patient/m1/Observation?category=laboratory', ['search'], 'm1'],
    ['Observation?patient=Patient/m1', ['search'], 'm1'],
    ['Patient?_id=m1', ['search'], 'm1'],
    ['Observation?patient:identifier=x', ['search'], undefined],
    ['string', ['search'], undefined],
  ])('%s is %s of member %s', (text, forms, patientId) => {
    const { asked, patientId: named } = read(text);
    expect([asked.forms, named]).toEqual([forms, patientId]);
  });

  it('of a Group names the Group', () => {
    expect(read('Group/g1/$export').asked).toEqual({ forms: ['group'], groupId: 'g1' });
  });

  it('takes the parameters of an export along, but for the patient', () => {
    expect(
      read('Patient/$export?patient=m1&_since=2024-01-01T00:00:00%2B01:00&_type=Patient,Claim').exportEntries,
    ).toEqual([
      '{"name":"_since","valueInstant":"2024-01-01T00:00:00+01:00"}',
      '{"name":"_type","valueString":"Patient,Claim"}',
    ]);
  });

  it('is sent as it was written where it is a search', () => {
    expect(read('Observation?patient=m1&code=http%3A%2F%2Floinc.org%7C1-8').asked.get).toBe(
      'Observation?patient=m1&code=http%3A%2F%2Floinc.org%7C1-8',
    );
  });

  it('bounds what else is read to what it searched for', () => {
    expect(read('Patient/m1/Condition?clinical-status=active').exportEntries).toEqual([
      '{"name":"_type","valueString":"Condition"}',
      '{"name":"_typeFilter","valueString":"Condition?clinical-status=active"}',
    ]);
  });

  it.each([
    ['an export of everybody', '$export'],
    ['a way out of the base', '../other/Patient/m1/$everything'],
    ['an encoded way out of the base', '%2e%2e/Patient/m1/$everything'],
    ['another server', 'https://other.example/Patient/m1/$everything'],
    ['a base that only begins alike', `${BASE}-other/Patient/m1/$everything`],
    ['another operation', 'Patient/m1/$purge'],
    ['an operation in the middle', 'Patient/m1/$export/x'],
    ['a read', 'Patient/m1'],
    ['the base itself', '/'],
    ['an id that is none', 'Patient/m%2F1/$export'],
    ['bytes that are no text', 'Patient/%ff/$export'],
    ['$everything of no patient', 'Patient/$everything'],
    ['$everything of something else', 'Encounter/e1/$everything'],
  ])('is refused for %s', (_what, text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'request-invalid', expression: 'sourcePayer.fhirBundleRequest' }),
    );
  });
});
