import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import { payerDefinition, writeOwnRecords } from '../../support/requester/requester.ts';
import { exchangeDirectly } from '../../support/requester/steps.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { asReceived, asSent } from '../../support/same-record.ts';
import type { Differences } from '../../support/same-record.ts';

const SYSTEM = 'urn:example:responder-ids';
const OF_MEMBER = ['Condition', 'Encounter', 'Observation', 'Procedure', 'DocumentReference'];
const SHARED = ['Practitioner', 'Organization', 'Location'];
const TYPES = [...OF_MEMBER, ...SHARED];

let responder: Responder;
let outside: Outside;
let database: TestDatabase;
let requester: DirectRequester;
let runs = 0;
const originalOf = new Map<string, string>();
const byIdentifier = new Map<string, string>();

beforeAll(async () => {
  responder = await startResponder({
    behaviour: { kickOff: { requireMatch: false }, status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  outside = reachPayers([server]);
  database = await createTestDatabase();
  requester = outside.open(database.url);
  await writeOwnRecords(requester.fhir);
});

afterAll(async () => {
  await requester.close();
  await responder.close();
  await outside.close();
  await database.drop();
});

const index = fc.nat(5);
const key = fc.tuple(fc.constantFrom(...TYPES), index).map(([type, n]) => `${type}/${type.toLowerCase()}${n}`);
const decimal = fc.constantFrom('1.50', '0.10', '-0', '1e3', '12345678901234567890.10');
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0'));

/** A Reference in one of the forms that R4 has, as JSON text. */
const reference = fc.oneof(
  key.map((each) => `{"reference":"${each}"}`),
  key.map((each) => `{"reference":"${each}/_history/7"}`),
  key.map((each) => `{"reference":"BASE/${each}","display":"absolute"}`),
  fc.constant('{"reference":"Patient/p1"}'),
  fc.constant('{"reference":"Organization/nowhere"}'),
  index.map((n) => `{"reference":"Practitioner?identifier=urn:s|practitioner${n}"}`),
  fc.constant('{"reference":"Practitioner?identifier=urn:s|nobody"}'),
  fc.constant('{"reference":"#inside"}'),
  fc.constant('{"reference":"urn:uuid:8c1a3f52-0000-4000-8000-00000000abcd"}'),
  fc.constant('{"reference":"https://elsewhere.example/fhir/Encounter/1"}'),
  fc.constant('{"identifier":{"system":"urn:t","value":"v"},"display":"by identifier"}'),
);

const element = fc.oneof(
  reference.map((each) => `"extension":[{"url":"urn:x","valueReference":${each}}]`),
  fc.array(reference, { minLength: 1, maxLength: 3 }).map((each) => `"performer":[${each.join(',')}]`),
  decimal.map((each) => `"valueQuantity":{"value":${each},"unit":"mg"}`),
  text.map((each) => `"note":[{"text":${JSON.stringify(each)}}]`),
  fc.constant('"instantiatesCanonical":["http://example.org/Plan|1.0"]'),
  text.map((each) => `"_birthDate":{"id":${JSON.stringify(each)}},"unknownElement":{"a":[1.0,null,true]}`),
);

/** The lines of a record: each id once, some of what they point to among them. */
const record = fc
  .uniqueArray(fc.tuple(key, fc.uniqueArray(element, { maxLength: 4, selector: (each) => each.slice(0, 6) })), {
    ...{ minLength: 1, maxLength: 25 },
    selector: ([each]) => each,
  })
  .map((resources) =>
    resources.map(([each, elements]) => {
      const [type = '', id = ''] = each.split('/');
      const subject = OF_MEMBER.includes(type) ? ['"subject":{"reference":"Patient/p1"}'] : [];
      const own = `"identifier":[{"system":"urn:s","value":"${id}"}]`;
      return {
        key: each,
        line: `{${[`"resourceType":"${type}","id":"${id}"`, own, ...subject, ...elements].join(',')}}`,
      };
    }),
  );

const PATIENT = '{"resourceType":"Patient","id":"p1","name":[{"family":"Person"}]}';

/** Imports the lines for a member of their own, and answers what is stored by the key at the sender. */
async function imported(
  lines: readonly { readonly key: string; readonly line: string }[],
): Promise<Map<string, string>> {
  const localPatientId = `local-${++runs}`;
  const local = `{"resourceType":"Patient","id":"${localPatientId}"}`;
  await requester.fhir.write([{ kind: 'update', type: 'Patient', id: localPatientId, text: local }]);
  const byType: Record<string, string[]> = { Patient: [PATIENT] };
  for (const { key: each, line } of lines) (byType[each.split('/')[0] ?? ''] ??= []).push(line);
  responder.setMember({ patientId: 'p1', memberId: 'M-1', lines: byType });
  const task = await exchangeDirectly(requester, { localPatientId, request: { member: { id: 'p1' } } });
  expect([task.status, task.reason]).toEqual(['completed', undefined]);
  const { rows } = await requester.pool.query<{ content: string }>(
    `SELECT r.content FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.exchange_id = $1 AND NOT r.generated
     UNION ALL SELECT r.content FROM unchanged_resource u JOIN publication p ON p.id = u.publication_id
     JOIN LATERAL (SELECT content FROM resource r WHERE r.type = u.type AND r.id = u.id ORDER BY r.publication_id DESC LIMIT 1) r
     ON true WHERE p.exchange_id = $1`,
    [task.id],
  );
  const stored = new Map<string, string>();
  for (const { content } of rows) {
    const { resourceType, identifier = [] } = JSON.parse(content) as {
      resourceType: string;
      identifier?: { system: string; value: string }[];
    };
    const original = identifier.find(({ system }) => system === SYSTEM)?.value ?? '';
    stored.set(`${resourceType}/${original}`, content);
  }
  return stored;
}

const localKeyOf = (content: string): string => {
  const { resourceType, id } = JSON.parse(content) as { resourceType: string; id: string };
  return `${resourceType}/${id}`;
};

describe('any record', () => {
  it('is found again, equal but for what an import changes, and points to nothing that is not here', async () => {
    await fc.assert(
      fc.asyncProperty(record, async (resources) => {
        const lines = resources.map(({ key: each, line }) => ({
          key: each,
          line: line.replaceAll('BASE', responder.baseUrl),
        }));
        const stored = await imported(lines);
        // What is shared between members may have come with one before.
        for (const [original, content] of stored) {
          const local = localKeyOf(content);
          originalOf.set(local, original);
          if (!original.startsWith('Practitioner/')) continue;
          byIdentifier.set(`Practitioner?identifier=urn:s|${original.slice('Practitioner/'.length)}`, local);
        }
        const differences: Differences = { identifierSystem: SYSTEM, tag: 'migrated', originalOf, byIdentifier };
        expect(stored.size).toBe(lines.length + 1);
        for (const { key: each, line } of lines) {
          // Absolute to the payer's base and relative mean the same, and are kept as the same.
          const sent = asSent(line.replaceAll(`${responder.baseUrl}/`, ''));
          expect(asReceived(stored.get(each) ?? '{}', sent, differences)).toEqual(sent);
        }
        const pointed = [...stored.values()].flatMap((content) =>
          [...content.matchAll(/"reference":"([A-Za-z]+)\/([0-9a-f]{40})"/g)].map(([, type = '', id = '']) => ({
            type,
            id,
          })),
        );
        const here = await requester.fhir.visible(pointed);
        expect(pointed.filter(({ type, id }) => !here.has(`${type}/${id}`))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  }, 180_000);
});
