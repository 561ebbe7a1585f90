import type { Task } from 'fhir/r4.js';
import type { TestPayer } from '../support/payer.ts';

const LOCAL_PATIENT = 'local-1';
const DEADLINE_MS = 240_000;

/**
 * One exchange for a member whose id there is known, to its end. HAPI FHIR names two minutes as `Retry-After` whatever
 * it does: the operator does not wait for them.
 */
export async function exchange(payer: TestPayer, issuer: string, patientId: string): Promise<Task> {
  await payer.ask('PUT', `Patient/${LOCAL_PATIENT}`, JSON.stringify({ resourceType: 'Patient', id: LOCAL_PATIENT }));
  const answer = await payer.ask(
    'POST',
    'Patient/$sdh.s2s.invoke-export',
    JSON.stringify({
      resourceType: 'Parameters',
      parameter: [
        { name: 'localPatient', valueReference: { reference: `Patient/${LOCAL_PATIENT}` } },
        { name: 'sourceIssuerUrl', valueString: issuer },
        { name: 'sourcePatientId', valueString: patientId },
      ],
    }),
  );
  if (answer.status !== 200) throw new Error(`invoke-export: ${answer.status} ${answer.text}`);
  const location = answer.headers.get('content-location') ?? '';
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const task = (await payer.ask('GET', location)).json<Task>();
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return task;
    if (Date.now() > deadline) throw new Error(`The exchange does not end: ${JSON.stringify(task.businessStatus)}`);
    if (task.businessStatus?.coding?.[0]?.code === 'poll-export') await payer.ask('POST', `${location}/$poll-now`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
