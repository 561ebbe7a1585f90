import type { Task } from 'fhir/r4.js';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { defaultBehaviour } from '../responder/options.ts';
import { startResponder } from '../responder/responder.ts';
import type { Responder } from '../responder/responder.ts';
import { SAMPLE_LINES, SAMPLE_MEMBER } from '../requester/sample-record.ts';
import { payerProcess, until } from './payer-process.ts';
import type { PayerProcess } from './payer-process.ts';

const SECRET = 'client-secret-0123456789';
const LOCAL = 'local-1';

/** Large enough that an import can be caught in the middle. */
export const MANY = 12_000;

const lines: Record<string, string[]> = {
  ...SAMPLE_LINES,
  Condition: Array.from(
    { length: MANY },
    (_, index) =>
      `{"resourceType":"Condition","id":"c${index}","code":{"text":"${'x'.repeat(200)}"},"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e${index % 3}"}}`,
  ),
};

/** A payer written from the specifications, with a record of some thousand resources in several files. */
export async function crashResponder(): Promise<Responder> {
  return startResponder({
    members: [{ ...SAMPLE_MEMBER, lines }],
    clients: [{ clientId: 'us', clientSecret: SECRET }],
  });
}

export function usualBehaviour(responder: Responder): void {
  Object.assign(responder.behaviour, defaultBehaviour());
  responder.set({ manifest: { linesPerFile: 100_000 }, status: { pollsBeforeDone: 0 }, files: { gzip: false } });
  responder.requests.length = 0;
}

export async function crashPayer(responder: Responder): Promise<PayerProcess> {
  const payer = await payerProcess({
    organizations: [{ resourceType: 'Organization', id: 'old' }],
    oidcServers: [
      {
        ...{ name: 'Old', issuer: responder.baseUrl, fhirEndpoint: responder.baseUrl, clientId: 'us' },
        ...{ clientSecret: SECRET, organizationId: 'old' },
      },
    ],
  });
  await payer.start();
  return payer;
}

export async function begin(payer: PayerProcess, responder: Responder): Promise<string> {
  await payer.ask('PUT', `Patient/${LOCAL}`, JSON.stringify({ resourceType: 'Patient', id: LOCAL }));
  const parameter = [
    { name: 'localPatient', valueReference: { reference: `Patient/${LOCAL}` } },
    { name: 'sourceIssuerUrl', valueString: responder.baseUrl },
    { name: 'memberMatch', part: (matchParameters() as { parameter: unknown }).parameter },
  ];
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  return (await payer.ask('POST', 'Patient/$sdh.s2s.invoke-export', body)).location;
}

export async function endOf(payer: PayerProcess, location: string): Promise<Task> {
  let task = await payer.task(location);
  await until(async () => {
    task = await payer.task(location);
    return ['completed', 'failed', 'cancelled'].includes(task.status);
  });
  return task;
}

/** What readers see of the exchange, and what the Task counts: the same for an undisturbed run and a killed one. */
export async function outcomeOf(payer: PayerProcess, task: Task): Promise<object> {
  const [records] = await payer.query<{ hash: string; count: number; versions: number }>(
    `SELECT md5(string_agg(r.type || '/' || r.id || ' ' || r.content, E'\\n' ORDER BY r.type, r.id)) AS hash,
            count(*)::int AS count, count(DISTINCT (r.type, r.id))::int AS versions
     FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.published_at IS NOT NULL AND p.exchange_id IS NOT NULL AND NOT r.generated`,
  );
  const [generated] = await payer.query<{ documents: number; provenances: number }>(
    `SELECT count(*) FILTER (WHERE type = 'DocumentReference')::int AS documents,
            count(*) FILTER (WHERE type = 'Provenance')::int AS provenances
     FROM resource r JOIN publication p ON p.id = r.publication_id WHERE p.exchange_id IS NOT NULL AND r.generated`,
  );
  const counts = (task.output ?? [])
    .filter(({ type }) => type.coding?.[0]?.code === 'resource-count')
    .map(({ type, extension }) => [type.text, extension?.map(({ valueUnsignedInt }) => valueUnsignedInt)]);
  return { status: task.status, records, generated, counts };
}
