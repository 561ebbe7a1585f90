import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decideConsent } from '../../../fhir/consent.ts';
import { ExchangeError } from '../../../fhir/errors.ts';
import { readMatchRequest } from '../../../fhir/member-match.ts';
import { bulkExamples, textOf } from './match-examples.ts';

const text = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, '../../fixtures', `${name}.json`), 'utf8');

interface Nested {
  readonly parameter: readonly { readonly name: string; readonly resource?: object; readonly part?: object[] }[];
}

/** The match inside a request of `$invoke-export`, as it would be posted to us. */
function matchIn(name: string, entry: string): string {
  const { parameter } = JSON.parse(text(name)) as Nested;
  const found = parameter.find((each) => each.name === entry);
  return JSON.stringify(found?.resource ?? { resourceType: 'Parameters', parameter: found?.part });
}

/** What becomes of a request on a day: the policy that is honoured, the rule that is not, or where it is malformed. */
function outcome(request: string, day: string): string {
  try {
    const { consent } = readMatchRequest(request);
    const decision = decideConsent(consent, { now: new Date(day), recipient: [], discloser: [] });
    return decision.kind === 'honoured' ? decision.policy : decision.rule;
  } catch (error) {
    if (error instanceof ExchangeError) return `${error.code} ${error.expression ?? ''}`;
    throw error;
  }
}

const HREX = text('hrex/member-match-in');
const PARTS = matchIn('vendor/invoke-export-parts', 'memberMatch');
const WHOLE = matchIn('vendor/invoke-export-parameters', 'member-match');
const [BULK = []] = bulkExamples();
const OVER = 'Consent.provision.period.end';

describe('S2: the published requests of a match', () => {
  it.each<[string, string, string, string]>([
    ['of HRex, while its consent lasts', HREX, '2022-01-15', 'regular'],
    ['of HRex, whose consent has ended', HREX, '2026-11-21', OVER],
    ['of the vendor, without an end of its consent', text('vendor/member-match-request'), '2026-11-21', 'regular'],
    ["inside the vendor's $invoke-export, while its consent lasts", WHOLE, '2022-01-15', 'regular'],
    ["inside the vendor's $invoke-export, whose consent has ended", WHOLE, '2026-11-21', OVER],
    [
      "in parts inside the vendor's, without what HRex requires",
      PARTS,
      '2026-11-21',
      'parameters-invalid Parameters.parameter[0].resource.gender',
    ],
    ["a member of PDex's bulk match, while its consent lasts", textOf(BULK), '2024-01-15', 'regular'],
    ["a member of PDex's bulk match, whose consent has ended", textOf(BULK), '2026-11-21', OVER],
    [
      "PDex's bulk match as a whole: another operation",
      text('pdex/multi-member-match-in'),
      '2024-01-15',
      'parameters-invalid Parameters.parameter[0].name',
    ],
  ])('%s', (_which, request, day, expected) => {
    expect(outcome(request, day)).toBe(expected);
  });

  it('may call the coverages as the ballots of HRex did', () => {
    const renamed = HREX.replace('"CoverageToMatch"', '"OldCoverage"').replace('"CoverageToLink"', '"NewCoverage"');
    expect(readMatchRequest(renamed)).toEqual(readMatchRequest(HREX));
  });

  it('may not name the same coverage twice, under either name', () => {
    const { parameter } = JSON.parse(HREX) as Nested;
    const again = parameter.map((entry) =>
      entry.name === 'CoverageToLink' ? { ...entry, name: 'OldCoverage' } : entry,
    );
    expect(outcome(JSON.stringify({ resourceType: 'Parameters', parameter: again }), '2022-01-15')).toBe(
      'parameters-invalid Parameters.parameter[2]',
    );
  });
});
