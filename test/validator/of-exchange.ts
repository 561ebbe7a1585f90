import type { Task } from 'fhir/r4.js';
import type { Answer } from '../support/payer.ts';
import { emission } from './emission.ts';
import type { Emission } from './emission.ts';
import { RESPONDER_SYSTEM } from './payers.ts';
import type { Payers } from './payers.ts';

/** What an exchange leaves at the requesting payer, as its API answers it, and what it sent to the responding one. */
export async function emissionsOfExchange(payers: Payers): Promise<readonly Emission[]> {
  const { payer, person, responder } = payers;
  const posted = await payers.begin();
  const task = await payers.end(posted);
  if (task.status !== 'completed') throw new Error(`The exchange ended by ${JSON.stringify(task.statusReason)}.`);
  // Lines that are refused and references that lead nowhere: an OperationOutcome of each, with several issues.
  if (task.contained?.length !== 2) throw new Error('The Task reports nothing of what was wrong.');
  const failed = await payers.end(await payers.begin({ sourcePatientId: { valueString: 'nobody' } }));
  const sent = responder.requests.filter(({ method, body }) => method === 'POST' && body.startsWith('{'));
  return [
    emission('Task requested', posted.text),
    emission('Task completed', (await payer.ask('GET', `Task/${task.id ?? ''}`)).text),
    emission('Task failed', (await payer.ask('GET', `Task/${failed.id ?? ''}`)).text),
    emission('Patient with links', (await payer.ask('GET', `Patient/${person.id}`)).text, {
      before: ofMember(payers).get(`Patient/${person.id}`) ?? '',
    }),
    ...(await imported(payers)),
    ...sent.map(({ path, body }) => emission(`request to ${path.split('/').at(-1) ?? ''}`, body)),
    ...(await evidenceBinaries(payers, task)),
  ];
}

/** Our own words about an exchange. */
export async function provenancesOfExchange(payers: Payers): Promise<readonly string[]> {
  const task = await payers.end(await payers.begin());
  return (await outputs(payers, task, 'Provenance')).map(({ text }) => text);
}

async function outputs({ payer }: Payers, task: Task, type: string): Promise<readonly Answer[]> {
  const references = (task.output ?? []).map(({ valueReference }) => valueReference?.reference ?? '');
  const answers: Answer[] = [];
  for (const reference of references.filter((each) => each.startsWith(`${type}/`))) {
    answers.push(await payer.ask('GET', reference));
  }
  return answers;
}

/** By `Type/id`: the member's lines at the responding payer. */
const ofMember = ({ member }: Payers): ReadonlyMap<string, string> =>
  new Map(
    Object.values(member.lines)
      .flat()
      .filter((line) => line.startsWith('{'))
      .map((line) => {
        const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
        return [`${resourceType}/${id}`, line];
      }),
  );

/** All that the exchange published: records, and what we say about them. */
async function imported(payers: Payers): Promise<Emission[]> {
  const sent = ofMember(payers);
  const { rows } = await payers.payer.wiring.pool.query<{ type: string; id: string; generated: boolean }>(
    `SELECT r.type, r.id, r.generated FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.published_at IS NOT NULL AND p.exchange_id IS NOT NULL ORDER BY 1, 2`,
  );
  const emissions: Emission[] = [];
  for (const { type, id, generated } of rows) {
    const { text } = await payers.payer.ask('GET', `${type}/${id}`);
    const original = new RegExp(`"system":"${RESPONDER_SYSTEM}","value":"([^"]+)"`).exec(text)?.[1];
    const before = sent.get(`${type}/${original ?? ''}`);
    if (generated) emissions.push(emission(`${type} of ours`, text));
    else emissions.push(emission('imported records', text, before === undefined ? {} : { before }));
  }
  return emissions;
}

/** A file that was received, by the Binary inside its DocumentReference. */
async function evidenceBinaries(payers: Payers, task: Task): Promise<Emission[]> {
  const emissions: Emission[] = [];
  for (const { text } of await outputs(payers, task, 'DocumentReference')) {
    const { content } = JSON.parse(text) as { content: { attachment: { data?: string; url?: string } }[] };
    const { data, url } = content[0]?.attachment ?? {};
    const binary = data === undefined ? (await payers.payer.ask('GET', url ?? '')).text : fromBase64(data);
    emissions.push(emission('Binary of a received file', binary));
  }
  return emissions;
}

const fromBase64 = (data: string): string => Buffer.from(data, 'base64').toString('utf8');
