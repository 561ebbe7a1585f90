import { beforeAll, describe, expect, it } from '@jest/globals';
import { emission } from './emission.ts';
import type { Emission } from './emission.ts';
import { findings } from './findings.ts';
import { emissionsOfApi } from './of-api.ts';
import { emissionsOfExchange, provenancesOfExchange } from './of-exchange.ts';
import { emissionsToPartner } from './of-partner.ts';
import { startPayers } from './payers.ts';
import type { Payers } from './payers.ts';
import { PDEX_PROVENANCE, validate } from './validator.ts';

/** What a validator that looks must object to. */
const INVALID: readonly Emission[] = [
  emission('invalid by FHIR', '{"resourceType":"Task","status":"done","intent":"order"}'),
  emission(
    'invalid by US Core',
    '{"resourceType":"Practitioner","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitioner"]},"identifier":[{"system":"urn:x","value":"1"}]}',
  ),
  emission(
    'invalid by PDex',
    '{"resourceType":"Provenance","target":[{"reference":"Patient/1"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"type":{"text":"x"},"who":{"reference":"Practitioner/1"}}]}',
    { guides: 'pdex', profiles: [PDEX_PROVENANCE] },
  ),
  emission('invalid after the import alone', '{"resourceType":"Task","status":"done","intent":"order"}', {
    before: '{"resourceType":"Task","status":"draft","intent":"order"}',
  }),
];

/** By kind: what HL7's validator has against any of them. */
const objections = new Map<string, string[]>();
const counts = new Map<string, number>();

async function withPayers(
  provenanceProfile: 'vendor' | 'pdex',
  collect: (payers: Payers) => Promise<readonly Emission[]>,
): Promise<readonly Emission[]> {
  const payers = await startPayers(provenanceProfile);
  try {
    return await collect(payers);
  } finally {
    await payers.stop();
  }
}

beforeAll(async () => {
  const emissions = [
    ...INVALID,
    ...(await withPayers('vendor', async (payers) => [
      ...(await emissionsOfExchange(payers)),
      ...(await emissionsOfApi(payers)),
      ...(await emissionsToPartner(payers)),
    ])),
    ...(await withPayers('pdex', async (payers) =>
      (await provenancesOfExchange(payers)).map((text) =>
        emission('Provenance of an import, as PDex', text, { guides: 'pdex', profiles: [PDEX_PROVENANCE] }),
      ),
    )),
  ];
  const before = emissions.flatMap((each) => (each.before === undefined ? [] : { ...each, text: each.before }));
  const issues = await validate([...emissions, ...before]);

  let next = emissions.length;
  emissions.forEach((each, index) => {
    const former = each.before === undefined ? [] : (issues[next++] ?? []);
    const found = findings(each, issues[index] ?? [], former);
    objections.set(each.kind, [...(objections.get(each.kind) ?? []), ...found]);
    counts.set(each.kind, (counts.get(each.kind) ?? 0) + 1);
  });
}, 900_000);

describe("HL7's validator", () => {
  it.each(INVALID.map(({ kind }) => kind))('finds what is %s', (kind) => {
    expect(objections.get(kind)).not.toEqual([]);
  });
});

describe('what the requesting payer keeps and says passes the validator:', () => {
  it.each([
    ['imported records', 250],
    ['Patient with links', 1],
    ['Linkage of ours', 10],
    ['Provenance of ours', 1],
    ['Provenance of an import, as PDex', 1],
    ['DocumentReference of ours', 10],
    ['Binary of a received file', 10],
    ['Task requested', 1],
    ['Task completed', 1],
    ['Task failed', 1],
    ['request to $member-match', 1],
    ['request to $export', 1],
  ])('%s', expectValid);
});

describe('what the responding payer gives passes the validator:', () => {
  it.each([
    ['answers to $member-match', 2],
    ['exported records', 300],
    ['Provenance of a transmission', 1],
  ])('%s', expectValid);
});

describe('what the FHIR API answers passes the validator:', () => {
  it.each([
    ['CapabilityStatement', 1],
    ['Bundles of searches', 7],
    ['Bundles of histories', 1],
    ['answers to Bundles', 2],
    ['OperationOutcomes of errors', 13],
  ])('%s', expectValid);
});

function expectValid(kind: string, atLeast: number): void {
  expect(counts.get(kind)).toBeGreaterThanOrEqual(atLeast);
  expect(objections.get(kind)).toEqual([]);
}
