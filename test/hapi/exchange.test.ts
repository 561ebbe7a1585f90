import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Task } from 'fhir/r4.js';
import type { TestPayer } from '../support/payer.ts';
import { asReceived, asSent } from '../support/same-record.ts';
import { exchange } from './exchange.ts';
import { importedRecord } from './imported-record.ts';
import type { ImportedRecord } from './imported-record.ts';
import { loadGroup, loadMember } from './member.ts';
import { plainExport } from './plain-export.ts';
import { startProtectedHapi } from './protected-hapi.ts';
import type { ProtectedHapi } from './protected-hapi.ts';

let hapi: ProtectedHapi;
let patientId: string;
let otherPatientId: string;
/** What HAPI FHIR exports of the member, by type and id. */
let lines: ReadonlyMap<string, string>;

beforeAll(async () => {
  hapi = await startProtectedHapi();
  ({ patientId } = await loadMember(hapi.ownUrl, 0));
  // Somebody whose records must not come along.
  ({ patientId: otherPatientId } = await loadMember(hapi.ownUrl, 1));
  lines = new Map((await plainExport(hapi.ownUrl, patientId)).map((line) => [identityOf(line), line]));
}, 1_200_000);

afterAll(() => hapi.stop());

const identityOf = (line: string): string => {
  const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
  return `${resourceType}/${id}`;
};
const typesOf = (identities: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const identity of identities) {
    const [type = ''] = identity.split('/');
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
};
/** Lines that were not stored, or not as they are. */
const lostFrom = ({ texts, differences }: ImportedRecord): string[] =>
  [...lines].flatMap(([identity, line]) => {
    const stored = texts.get(identity);
    const sent = asSent(line);
    const isSame =
      stored !== undefined && JSON.stringify(asReceived(stored, sent, differences)) === JSON.stringify(sent);
    return isSame ? [] : identity;
  });

describe('an exchange with a HAPI FHIR JPA server behind an oidc-provider', () => {
  let payer: TestPayer;
  let task: Task;
  let record: ImportedRecord;

  const outputs = (code: string): NonNullable<Task['output']> =>
    (task.output ?? []).filter(({ type }) => type.coding?.[0]?.code === code);

  beforeAll(async () => {
    payer = await hapi.requestingPayer();
    task = await exchange(payer, hapi.issuer, patientId);
    record = await importedRecord(payer);
  }, 300_000);

  afterAll(() => payer.stop());

  it('completes, and refuses nothing', () => {
    expect([task.status, task.statusReason, outputs('refused-report')]).toEqual(['completed', undefined, []]);
  });

  it('stores every line of the export, equal but for what the contract lists', () => {
    expect(lines.size).toBeGreaterThan(250);
    expect(lostFrom(record)).toEqual([]);
  });

  it('brings nothing of another member', () => {
    expect([...record.texts].filter(([, text]) => text.includes(otherPatientId))).toEqual([]);
  });

  it('counts the records of each type on the Task', () => {
    const counted = outputs('resource-count').map(({ type, valueUnsignedInt }) => [type.text, valueUnsignedInt]);
    expect(Object.fromEntries(counted)).toMatchObject(typesOf([...lines.keys()]));
    expect(Object.fromEntries(counted)).toEqual(typesOf([...record.texts.keys()]));
  });

  it('reads what the records refer to and the export left out, so that no reference leads nowhere', () => {
    const known = new Set(record.differences.originalOf.keys());
    const open = [...record.texts.values()].flatMap((text) =>
      [...text.matchAll(/"reference":"([^"#]+)"/g)].flatMap(([, reference = '']) =>
        known.has(reference) ? [] : reference,
      ),
    );
    expect([...new Set(open)]).toEqual([]);
    expect(typesOf([...record.texts.keys()])).toMatchObject({ Practitioner: expect.any(Number) });
  });

  it('asks for the export once, fetches each file once, and gives the export back', () => {
    const asked = (method: string, part: string): string[] =>
      hapi.gateway.passed.filter((each) => each.method === method && each.path.includes(part)).map(({ path }) => path);
    const files = asked('GET', '/fhir/Binary/');
    expect(asked('POST', '$export')).toEqual(['/fhir/Patient/$export']);
    expect(files).toHaveLength(new Set(files).size);
    expect(files).toHaveLength(Object.keys(typesOf([...lines.keys()])).length);
    expect(asked('DELETE', '$export-poll-status')).toHaveLength(1);
  });

  it('had to authenticate: without a token nothing is read there', async () => {
    const { status } = await fetch(`${hapi.fhirUrl}/Patient`);
    expect(status).toBe(401);
  });
});

describe('the other ways to the records of a member that HAPI FHIR has', () => {
  beforeAll(() => loadGroup(hapi.ownUrl, patientId));

  it.each(['instance-level', 'group', 'everything', 'search'])(
    'bring the same records: %s',
    async (exportForm) => {
      const payer = await hapi.requestingPayer({ exportForm });
      const task = await exchange(payer, hapi.issuer, patientId);
      const record = await importedRecord(payer);
      await payer.stop();
      expect([task.status, task.statusReason]).toEqual(['completed', undefined]);
      expect(lostFrom(record)).toEqual([]);
    },
    300_000,
  );
});
