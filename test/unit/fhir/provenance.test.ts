import { describe, expect, it } from '@jest/globals';
import {
  provenanceId,
  provenanceOfPage,
  provenanceOfTexts,
  provenanceTexts,
  targetTexts,
} from '../../../fhir/provenance.ts';
import type { ProvenanceContext } from '../../../fhir/provenance.ts';

const context: ProvenanceContext = {
  exchangeId: 'p2p-task-1',
  profile: 'vendor',
  recorded: '2026-11-21T04:35:26.123Z',
  occurred: '2026-11-20T00:00:00Z',
  respondingOrganization: 'Organization/old',
  ownOrganization: 'Organization/new',
  localPatient: 'Patient/local',
  documents: ['DocumentReference/d1', 'DocumentReference/d2'],
};

const types = (profile: 'vendor' | 'pdex') =>
  provenanceOfPage({ ...context, profile }, 0, ['Observation/1']).agent.map(({ type, who, onBehalfOf }) => [
    type?.coding?.[0]?.code,
    who.reference,
    onBehalfOf?.reference,
  ]);

describe('the Provenance of an exchange', () => {
  it('names transmitter and custodian, in the vendor form on behalf of the local patient', () => {
    expect(types('vendor')).toEqual([
      ['transmitter', 'Organization/old', 'Patient/local'],
      ['custodian', 'Organization/new', undefined],
    ]);
  });

  it('names organizations only in the PDex form, and claims the profile', () => {
    expect(types('pdex')).toEqual([
      ['transmitter', 'Organization/old', undefined],
      ['custodian', 'Organization/new', undefined],
    ]);
    const { meta } = provenanceOfPage({ ...context, profile: 'pdex' }, 0, ['Observation/1']);
    expect(meta?.profile).toEqual(['http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-provenance']);
  });

  it('is recorded when the records were received and occurred when they were exported', () => {
    const { recorded, occurredDateTime } = provenanceOfPage(context, 0, ['Observation/1']);
    expect([recorded, occurredDateTime]).toEqual([context.recorded, context.occurred]);
  });

  it('gives FHIR R4 as the source format of each kept file, or of a source without reference', () => {
    const formats = (documents: string[]) =>
      provenanceOfPage({ ...context, documents }, 0, ['Observation/1']).entity?.map(({ extension, role, what }) => [
        extension?.[0]?.valueCodeableConcept?.coding?.[0]?.code,
        role,
        what.reference ?? what.display,
      ]);
    expect(formats(['DocumentReference/d1', 'DocumentReference/d2'])).toEqual([
      ['hl7fhirr4', 'source', 'DocumentReference/d1'],
      ['hl7fhirr4', 'source', 'DocumentReference/d2'],
    ]);
    expect(formats([])).toEqual([['hl7fhirr4', 'source', 'No reference available']]);
  });

  it('is the same for the same targets in any order', () => {
    expect(provenanceOfPage(context, 3, ['B/1', 'A/1'])).toEqual(provenanceOfPage(context, 3, ['A/1', 'B/1']));
    expect(provenanceId('x', 1)).not.toBe(provenanceId('x', 2));
    expect(provenanceId('x', 1)).not.toBe(provenanceId('y', 1));
    expect(provenanceId('x', 1)).toMatch(/^[0-9a-f]{40}$/);
  });

  it.each(['vendor', 'pdex'] as const)(
    'is in the %s form the same text where it is written page by page',
    (profile) => {
      const textOf = provenanceTexts({ ...context, profile });
      for (const [page, targets] of [
        ['A/1'],
        ['B/1', 'A/1', 'A/1/_history/7'],
        ['A/","', 'A/"', 'A/\\', 'A/é'],
      ].entries()) {
        const whole = JSON.stringify(provenanceOfPage({ ...context, profile }, page, targets));
        expect(textOf(page, targets)).toBe(whole);
      }
    },
  );

  it('is the same text of targets that are text already', () => {
    const targets = ['Goal/a-1', 'Goal/b.2', 'Observation/c'];
    const whole = JSON.stringify(provenanceOfPage(context, 1, targets));
    expect(provenanceOfTexts(context)(1, [targetTexts('Goal', 'a-1 b.2'), targetTexts('Observation', 'c')])).toBe(
      whole,
    );
  });

  it('does not exist without a target, nor with too many', () => {
    expect(() => provenanceOfPage(context, 0, [])).toThrow(RangeError);
    expect(() => provenanceTexts(context)(0, [])).toThrow(RangeError);
    expect(() =>
      provenanceOfPage(
        context,
        0,
        Array.from({ length: 501 }, () => 'A/1'),
      ),
    ).toThrow(RangeError);
  });
});
