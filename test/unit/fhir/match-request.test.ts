import { describe, expect, it } from '@jest/globals';
import {
  activeCoverage,
  adaptMatch,
  coverageToLink,
  hasCoverageToLink,
  logicalPayor,
  memberPatientId,
} from '../../../fhir/match-request.ts';

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';
const PATIENT = '{"name":"MemberPatient","resource":{"resourceType":"Patient","id":"m1","x":1.50}}';
const LINK = '{"name":"CoverageToLink","resource":{"resourceType":"Coverage"}}';
const CONSENT = `{"name":"Consent","resource":{"resourceType":"Consent","policy":[{"uri":"${POLICY}#regular"},{"uri":"urn:other"}]}}`;
const parameters = (...entries: string[]): string => `{"resourceType":"Parameters","parameter":[${entries.join(',')}]}`;

describe('a match as a payer wants it', () => {
  it('is what was posted where its definition says nothing', () => {
    const posted = parameters(PATIENT, LINK, CONSENT);
    expect(adaptMatch(posted, {})).toBe(posted);
  });

  it('goes without CoverageToLink', () => {
    expect(adaptMatch(parameters(PATIENT, LINK), { dropCoverageToLink: true })).toBe(parameters(PATIENT));
  });

  it('gets a CoverageToLink', () => {
    const added = adaptMatch(parameters(PATIENT), { addCoverageToLink: '{"resourceType":"Coverage"}' });
    expect([added, hasCoverageToLink(added)]).toEqual([parameters(PATIENT, LINK), true]);
  });

  it('names the policy by the payer’s own URI, and leaves others as they are', () => {
    const adapted = adaptMatch(parameters(CONSENT), { policies: { regular: 'urn:theirs' } });
    expect(adapted).toBe(parameters(CONSENT.replace(`${POLICY}#regular`, 'urn:theirs')));
  });

  it('keeps a policy for which the payer names none', () => {
    expect(adaptMatch(parameters(CONSENT), { policies: { sensitive: 'urn:theirs' } })).toBe(parameters(CONSENT));
  });
});

describe('our own coverage as CoverageToLink', () => {
  const own =
    '{"resourceType":"Coverage","id":"c9","text":{"div":"secret"},"status":"active","beneficiary":{"reference":"Patient/77"},"subscriberId":"S1","payor":[{"reference":"Organization/us"}],"costToBeneficiary":[]}';
  const payor = { identifier: { system: 'urn:naic', value: '1' }, display: 'Us' };
  const link = JSON.parse(coverageToLink(own, { patientId: 'm1', payor })) as Record<string, unknown>;

  it('names the posted MemberPatient as beneficiary', () => {
    expect(link['beneficiary']).toEqual({ reference: 'Patient/m1' });
  });

  it('names us so that nobody must read our Organization', () => {
    expect(link['payor']).toEqual([payor]);
  });

  it('carries nothing that the profile does not ask for', () => {
    expect(Object.keys(link).sort()).toEqual(
      ['beneficiary', 'id', 'payor', 'resourceType', 'status', 'subscriberId'].sort(),
    );
  });

  it('is the active one that began last', () => {
    const coverage = (id: string, status: string, start: string, end?: string): string =>
      JSON.stringify({ resourceType: 'Coverage', id, status, period: { start, end } });
    const all = [
      coverage('a', 'active', '2025-01-01'),
      coverage('b', 'active', '2026-01-01'),
      coverage('c', 'cancelled', '2026-05-01'),
      coverage('d', 'active', '2026-06-01', '2026-07-31'),
    ];
    expect(activeCoverage(all, '2026-11-21T00:00:00Z')).toBe(all[1]);
    expect(activeCoverage([all[2] ?? ''], '2026-11-21T00:00:00Z')).toBeUndefined();
  });

  it('is paid by an Organization only where that has an identifier', () => {
    expect(logicalPayor('{"resourceType":"Organization","identifier":[{"value":"1"}],"name":"Us"}')).toEqual({
      identifier: { value: '1' },
      display: 'Us',
    });
    expect(logicalPayor('{"resourceType":"Organization"}')).toBeUndefined();
  });

  it('needs a MemberPatient with an id', () => {
    expect(memberPatientId(parameters(PATIENT))).toBe('m1');
    expect(memberPatientId(parameters(LINK))).toBeUndefined();
  });
});
