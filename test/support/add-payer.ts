import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Task } from 'fhir/r4.js';
import type { TestPayer } from './payer.ts';

const EXAMPLE = readFileSync('test/fixtures/vendor/add-payer-task.json', 'utf8');

/** The vendor's published request to add a payer, filled in. */
export function addPayerTask(values: { readonly email?: string; readonly payerName?: string } = {}): string {
  const { email = 'ann@member.example', payerName = 'New Plan' } = values;
  return EXAMPLE.replaceAll('<Patient_ID>', 'p1')
    .replaceAll('<Organization_ID>', 'new-plan')
    .replaceAll('<Task_Creation_Date_Time>', randomUUID())
    .replaceAll('<member_first_name>', 'OnlyAnnKnows')
    .replaceAll('<new_payer_name>', payerName)
    .replaceAll('<member_email_address>', email);
}

export async function postAddPayer(
  payer: TestPayer,
  values?: Parameters<typeof addPayerTask>[0],
): Promise<Task & { id: string }> {
  const answer = await payer.ask('POST', 'Task', addPayerTask(values));
  return answer.json<Task & { id: string }>();
}
