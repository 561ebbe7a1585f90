import { describe, expect, it } from '@jest/globals';
import { decideConsent, isRevocation, isSensitive } from '../../../fhir/consent.ts';
import type { Fields } from '../../../fhir/member-match.ts';
import { hrex, resource, vendor } from './match-examples.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const US = [{ system: NPI, value: '9876543210' }];
const CALLER = [{ system: NPI, value: '0123456789' }];
/** Inside the period of HRex's example: 2022-01-01 to 2022-01-31. */
const IN_FORCE = new Date('2022-01-15T12:00:00Z');

const consent = (elements: Fields = {}, entries = hrex()): Fields => ({ ...resource(entries, 'Consent'), ...elements });
const withProvision = (elements: Fields): Fields =>
  consent({ provision: { ...(consent()['provision'] as Fields), ...elements } });

function decide(given: Fields, { now = IN_FORCE, recipient = CALLER, discloser = US } = {}): string {
  const decision = decideConsent(given, { now, recipient, discloser });
  return decision.kind === 'honoured' ? decision.policy : decision.rule;
}

const actor = (role: string, value: string): Fields => ({
  role: { coding: [{ code: role }] },
  reference: { identifier: { system: NPI, value } },
});

describe('a consent', () => {
  it('is honoured in its period', () => {
    expect(decide(consent())).toBe('regular');
  });

  it('of the vendor, which has no end, is honoured for ever', () => {
    expect(decide(consent({}, vendor()), { now: new Date('2090-01-01T00:00:00Z') })).toBe('regular');
  });

  it.each([
    ['on its first day', '2022-01-01T00:00:00Z', 'regular'],
    ['to the end of its last day', '2022-01-31T23:59:59.999Z', 'regular'],
    ['not before', '2021-12-31T23:59:59.999Z', 'Consent.provision.period.start'],
    ['not after', '2022-02-01T00:00:00Z', 'Consent.provision.period.end'],
  ])('counts %s', (_when, now, outcome) => {
    expect(decide(consent(), { now: new Date(now) })).toBe(outcome);
  });

  it('of which the end names a month lasts to the end of that month, however short', () => {
    const given = withProvision({ period: { start: '2022-01', end: '2022-02' } });
    expect(decide(given, { now: new Date('2022-02-28T23:59:59Z') })).toBe('regular');
    expect(decide(given, { now: new Date('2022-03-01T00:00:00Z') })).toBe('Consent.provision.period.end');
  });

  it.each([
    ['Consent.status', consent({ status: 'inactive' })],
    ['Consent.provision.type', withProvision({ type: 'deny' })],
    ['Consent.provision.type', withProvision({ type: undefined })],
    ['Consent.provision.period.end', withProvision({ period: { start: '2022-01-01', end: 'soon' } })],
    ['Consent.provision.action', withProvision({ action: [{ coding: [{ code: 'collect' }] }] })],
    ['Consent.provision.action', withProvision({ action: undefined })],
    ['Consent.policy.uri', consent({ policy: [{ uri: 'http://example.org/policy#regular' }] })],
    ['Consent.provision.class', withProvision({ class: [{ code: 'Observation' }] })],
    ['Consent.provision.provision', withProvision({ provision: [{ type: 'deny' }] })],
    ['Consent.provision.securityLabel', withProvision({ securityLabel: [{ code: 'N' }] })],
  ])('is refused for its %s', (rule, given) => {
    expect(decide(given)).toBe(rule);
  });

  it.each([
    ['http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#sensitive', 'sensitive'],
    ['http://hl7.org/fhir/us/davinci-hrex/STU1.1/StructureDefinition-hrex-consent.html#regular', 'regular'],
    ['hrex-consent.html#regular', 'regular'],
    ['hrex-consent.html#sensitive', 'sensitive'],
  ])('has the policy of %s', (uri, policy) => {
    expect(decide(consent({ policy: [{ uri }] }))).toBe(policy);
  });
});

describe('the payers that a consent names', () => {
  it('must not be others than us', () => {
    const discloser = [{ system: NPI, value: '1111111111' }];
    expect(decide(consent(), { discloser })).toBe('Consent.provision.actor (role performer)');
  });

  it('must not be others than the caller', () => {
    const recipient = [{ system: NPI, value: '1111111111' }];
    expect(decide(consent(), { recipient })).toBe('Consent.provision.actor (role IRCP)');
  });

  it.each(['performer', 'IRCP'])('must be named: %s', (role) => {
    const kept = role === 'performer' ? actor('IRCP', '0123456789') : actor('performer', '9876543210');
    expect(decide(withProvision({ actor: [kept] }))).toBe(`Consent.provision.actor (role ${role})`);
  });

  it('may both disclose and receive', () => {
    const both = ['9876543210', '0123456789'].flatMap((npi) => [actor('performer', npi), actor('IRCP', npi)]);
    expect(decide(withProvision({ actor: both }))).toBe('regular');
  });

  it('are taken at their word where nothing can be compared', () => {
    const recipient = [{ system: 'urn:other', value: '1' }];
    expect(decide(consent(), { recipient, discloser: [] })).toBe('regular');
  });
});

describe('what takes a consent back', () => {
  it.each([
    [true, consent({ status: 'inactive' })],
    [true, withProvision({ type: 'deny' })],
    [false, consent()],
    [false, consent({ policy: [] })],
  ])('%s for %#', (revokes, given) => {
    expect(isRevocation(given)).toBe(revokes);
  });
});

describe('a record', () => {
  const labelled = (system: string, code: string): Fields => ({
    meta: { security: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }] },
  });

  it.each([
    [true, labelled('v3-Confidentiality', 'R')],
    [true, labelled('v3-Confidentiality', 'V')],
    [true, labelled('v3-ActCode', 'HIV')],
    [false, labelled('v3-Confidentiality', 'N')],
    [false, {}],
  ])('is sensitive (%s) by its labels: %j', (sensitive, given) => {
    expect(isSensitive(given)).toBe(sensitive);
  });
});
