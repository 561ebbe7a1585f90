import { beforeAll, describe, expect, it } from '@jest/globals';
import type { FhirStore } from '../../../store/fhir-store.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { collect, createResource, ids, importRow, openExchange, publishExchange } from '../../support/records.ts';

describe.each(adapters)('reading and searching over $name', ({ create }) => {
  const at = useStore(create);
  const compartment = (patientId: string) => collect(at.store.memberCompartment({ patientIds: [patientId] }));

  beforeAll(async () => {
    await publishExchange(at, 'e1');
  });

  describe('reading a compartment', () => {
    beforeAll(async () => {
      await at.store.write(
        Array.from({ length: 1203 }, (_, index) => ({
          ...({ kind: 'create', type: index % 3 === 0 ? 'Goal' : 'Condition', id: `c-${index}` } as const),
          text: `{"resourceType":"${index % 3 === 0 ? 'Goal' : 'Condition'}","subject":{"reference":"Patient/c${index % 2}"}}`,
        })),
      );
    });

    it('reads page after page without gap or repetition, ordered by type and id across linked compartments', async () => {
      const all = ids(await collect(at.store.memberCompartment({ patientIds: ['c0', 'c1'] })));
      expect(all).toHaveLength(1203);
      expect(all).toEqual([...all].sort());
      expect(new Set(all).size).toBe(1203);
    });

    it('stays with the asked types', async () => {
      const goals = await collect(at.store.memberCompartment({ patientIds: ['c0', 'c1'], types: ['Goal', 'Patient'] }));
      expect(goals).toHaveLength(401);
    });

    it('shows the state as of an instant, whatever comes later', async () => {
      const instant = await at.store.freeze();
      await at.store.write([{ kind: 'delete', type: 'Goal', id: 'c-0' }]);
      await createResource(
        at.store,
        '{"resourceType":"Goal","id":"c-6","subject":{"reference":"Patient/c0"},"note":"later"}',
      );
      const then = await collect(at.store.memberCompartment({ patientIds: ['c0'], asOf: instant }));
      expect(ids(then)).toContain('Goal/c-0');
      expect(then.find(({ id }) => id === 'c-6')?.text).not.toContain('later');
      const since = await collect(at.store.memberCompartment({ patientIds: ['c0'], since: instant }));
      expect(ids(since)).toEqual(['Goal/c-6']);
      const kept = await collect(
        at.store.readMany(
          [
            { type: 'Goal', id: 'c-0' },
            { type: 'Goal', id: 'none' },
          ],
          { asOf: instant },
        ),
      );
      expect(ids(kept)).toEqual(['Goal/c-0']);
      expect(await collect(at.store.readMany([{ type: 'Goal', id: 'c-0' }]))).toEqual([]);
    });

    it('gives kept originals only when they are asked for', async () => {
      await openExchange(at.pool, 'ev', 'ev-local');
      await at.store.stageGenerated('ev', [{ ...importRow('DocumentReference', 'ev-d', 'ev-p'), evidence: true }]);
      await at.store.publish('ev', undefined);
      expect(await compartment('ev-p')).toEqual([]);
      expect(ids(await collect(at.store.memberCompartment({ patientIds: ['ev-p'], includeEvidence: true })))).toEqual([
        'DocumentReference/ev-d',
      ]);
    });

    it('narrows to native or imported records', async () => {
      const of = async (origin: 'native' | 'imported') =>
        ids(
          await collect(at.store.memberCompartment({ patientIds: ['e1-local', 'e1-p'], types: ['Patient'], origin })),
        );
      expect(await of('native')).toEqual(['Patient/e1-local']);
      expect(await of('imported')).toEqual(['Patient/e1-p']);
    });

    it('moves a record whose subject changes from one compartment to the other', async () => {
      await createResource(at.store, '{"resourceType":"Condition","id":"moved","subject":{"reference":"Patient/m1"}}');
      await createResource(at.store, '{"resourceType":"Condition","id":"moved","subject":{"reference":"Patient/m2"}}');
      expect(await compartment('m1')).toEqual([]);
      expect(ids(await compartment('m2'))).toEqual(['Condition/moved']);
    });
  });

  describe('searching', () => {
    beforeAll(async () => {
      await createResource(
        at.store,
        '{"resourceType":"Patient","id":"q1","name":[{"family":"Müller","given":["Jörg","Ann"]}],"identifier":[{"system":"urn:a","value":"1"}]}',
      );
      await createResource(
        at.store,
        '{"resourceType":"Patient","id":"q2","name":[{"text":"Jane Muller"}],"identifier":[{"system":"urn:b","value":"1"}]}',
      );
      await createResource(
        at.store,
        `{"resourceType":"Coverage","id":"q3","subscriberId":"S-1","beneficiary":{"reference":"Patient/q1"},"identifier":[{"system":"urn:a","value":"${'x'.repeat(5000)}"}]}`,
      );
      await createResource(
        at.store,
        '{"resourceType":"Claim","id":"q4","patient":{"reference":"Patient/q1"},"identifier":[{"system":"urn:c","value":"9"}]}',
      );
    });
    const found = async (query: Omit<Parameters<FhirStore['search']>[0], 'count'>) =>
      ids((await at.store.search({ ...query, count: 50 })).resources);

    it('finds by identifier with and without system', async () => {
      expect(await found({ type: 'Patient', identifiers: [{ value: '1' }] })).toEqual(['Patient/q1', 'Patient/q2']);
      expect(await found({ type: 'Patient', identifiers: [{ system: 'urn:b', value: '1' }] })).toEqual(['Patient/q2']);
      expect(await found({ type: 'Coverage', identifiers: [{ system: '', value: 'S-1' }] })).toEqual(['Coverage/q3']);
      expect(await found({ type: 'Coverage', identifiers: [{ value: 'x'.repeat(5000) }] })).toEqual(['Coverage/q3']);
      expect(await found({ type: 'Coverage', identifiers: [{ value: 'a\0b' }] })).toEqual([]);
    });

    it('finds by the beginning of a name, whatever its case and accents', async () => {
      expect(await found({ type: 'Patient', names: [{ part: 'family', anyOf: ['MULL'] }] })).toEqual(['Patient/q1']);
      expect(await found({ type: 'Patient', names: [{ anyOf: ['jane m', 'jörg'] }] })).toEqual([
        'Patient/q1',
        'Patient/q2',
      ]);
      expect(
        await found({
          type: 'Patient',
          names: [
            { part: 'family', anyOf: ['mul'] },
            { part: 'given', anyOf: ['bob'] },
          ],
        }),
      ).toEqual([]);
    });

    it('finds nothing by what only an earlier version said', async () => {
      await createResource(
        at.store,
        '{"resourceType":"Organization","id":"q5","name":"Before","identifier":[{"value":"old"}]}',
      );
      await createResource(at.store, '{"resourceType":"Organization","id":"q5","name":"After"}');
      expect(await found({ type: 'Organization', identifiers: [{ value: 'old' }] })).toEqual([]);
      expect(await found({ type: 'Organization', names: [{ anyOf: ['before'] }] })).toEqual([]);
    });

    it('looks for identifiers of other types inside a compartment only', async () => {
      const query = { type: 'Claim', identifiers: [{ system: 'urn:c', value: '9' }] };
      expect(await found({ ...query, patientIds: ['q1'] })).toEqual(['Claim/q4']);
      await expect(found(query)).rejects.toMatchObject({ code: 'too-costly' });
    });

    it('pages through one state, though something new comes between the pages', async () => {
      const first = await at.store.search({ type: 'Condition', count: 300 });
      await createResource(at.store, '{"resourceType":"Condition","id":"zzz-new"}');
      const all = [...first.resources];
      for (let { next } = first; next !== undefined;) {
        const page = await at.store.search({ type: 'Condition', count: 300, after: next });
        all.push(...page.resources);
        next = page.next;
      }
      expect(new Set(ids(all)).size).toBe(all.length);
      expect(ids(all)).not.toContain('Condition/zzz-new');
      expect(all.length).toBeGreaterThan(800);
    });

    it('refuses a page link that is not its own', async () => {
      await expect(at.store.search({ type: 'Condition', count: 3, after: 'x' })).rejects.toMatchObject({
        code: 'request-invalid',
      });
    });
  });
});
