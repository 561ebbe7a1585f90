import { describe, expect, it } from '@jest/globals';
import { exportForms, readKickOffRefusal } from '../../../fhir/export-form.ts';
import type { FormChoice } from '../../../fhir/export-form.ts';
import { readCapabilities } from '../../../fhir/payer-capabilities.ts';

const CHOICE: FormChoice = {
  ...{ configured: undefined, capabilities: undefined, tokenBound: false, parameters: ['patient', '_type'] },
  ...{ worked: undefined, refused: [] },
};

const statement = (patient: object[], more: object = {}): unknown => ({
  resourceType: 'CapabilityStatement',
  rest: [{ mode: 'server', resource: [{ type: 'Patient', operation: patient }], ...more }],
});
const BULK = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';

describe('the forms to ask a payer for one member in', () => {
  it('begin with the standard one where nothing is known', () => {
    expect(exportForms(CHOICE)).toEqual(['type-level', 'instance-level', 'everything']);
  });

  it('are the configured one alone', () => {
    expect(exportForms({ ...CHOICE, configured: 'search' })).toEqual(['search']);
  });

  it('begin with the one that the CapabilityStatement names', () => {
    const capabilities = readCapabilities(
      statement([{ name: 'export', definition: 'http://example.org/OperationDefinition/Patient-i-export' }]),
    );
    expect(exportForms({ ...CHOICE, capabilities })[0]).toBe('instance-level');
  });

  it('prefer an export to a synchronous form that is named beside it', () => {
    const capabilities = readCapabilities(
      statement([
        { name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' },
        { name: 'export', definition: `${BULK}/patient-export` },
      ]),
    );
    expect(exportForms({ ...CHOICE, capabilities })).toEqual(['type-level', 'instance-level', 'everything']);
  });

  it('begin with what worked', () => {
    expect(exportForms({ ...CHOICE, worked: 'everything' })[0]).toBe('everything');
  });

  it('end with what the payer said that it does not have', () => {
    expect(exportForms({ ...CHOICE, refused: ['type-level'] }).at(-1)).toBe('type-level');
  });

  it('leave out those that cannot say what was posted', () => {
    expect(exportForms({ ...CHOICE, parameters: ['_typeFilter'] })).not.toContain('everything');
  });

  it('never export without a patient unless the token reaches nobody else', () => {
    expect(exportForms(CHOICE)).not.toContain('token-bound');
    expect(exportForms({ ...CHOICE, tokenBound: true })).toContain('token-bound');
  });
});

describe('a refused kick-off', () => {
  const SENT = ['patient', '_type', '_typeFilter', '_outputFormat'];
  const refusal = (status: number, words = '', issues: string[] = []): unknown =>
    readKickOffRefusal({ status, words, issues }, SENT);

  it.each([404, 405, 501])('by %i means that the form is not there', (status) => {
    expect(refusal(status)).toEqual({ kind: 'other-form' });
  });

  it('by 403 is final', () => {
    expect(refusal(403, 'unsupported', ['not-supported'])).toEqual({ kind: 'final' });
  });

  it('that names a parameter which only says how files come is sent again without', () => {
    expect(refusal(400, 'Unsupported parameter: _outputFormat', ['not-supported'])).toEqual({
      kind: 'leave-out',
      parameters: ['_outputFormat'],
    });
  });

  it('that names a parameter which decides what comes is never sent without', () => {
    expect(refusal(400, 'Unsupported parameter: _typeFilter', ['not-supported'])).toEqual({ kind: 'other-form' });
  });

  it('does not take _typeFilter for _type', () => {
    const answer = readKickOffRefusal({ status: 400, words: '_outputFormatter', issues: ['invalid'] }, SENT);
    expect(answer).toEqual({ kind: 'final' });
  });

  it('of a request that is wrong is final', () => {
    expect(refusal(422, 'The member is not yours', ['business-rule'])).toEqual({ kind: 'final' });
  });
});

describe('a CapabilityStatement', () => {
  it('tells by which parameter each type is searched for one patient', () => {
    const { searches } = readCapabilities({
      rest: [
        {
          resource: [
            { type: 'Patient', searchParam: [{ name: '_id' }] },
            { type: 'Coverage', interaction: [{ code: 'search-type' }], searchParam: [{ name: 'beneficiary' }] },
            { type: 'Observation', searchParam: [{ name: 'subject' }, { name: 'patient' }] },
            { type: 'Practitioner', searchParam: [{ name: 'identifier' }] },
            { type: 'Condition', interaction: [{ code: 'read' }], searchParam: [{ name: 'patient' }] },
          ],
        },
      ],
    });
    expect(searches).toEqual({ Patient: '_id', Coverage: 'beneficiary', Observation: 'patient' });
  });

  it('that is something else says nothing', () => {
    expect(readCapabilities('<html>')).toMatchObject({ exportForms: [], searches: {}, match: false, batch: false });
  });

  it.each([
    [
      'of Group',
      { resource: [{ type: 'Group', operation: [{ name: '$export', definition: `${BULK}/group-export` }] }] },
    ],
    [
      'of the system',
      { resource: [], operation: [{ name: 'group-export', definition: `${BULK}/group-export|2.0.0` }] },
    ],
  ])('names the export of a Group among the operations %s', (_where, rest) => {
    expect(readCapabilities({ rest: [rest] }).exportForms).toEqual(['group']);
  });
});
