/**
 * Records real runs for `replay.test.ts`; run by hand at a release: `node --import tsx test/replay/record.ts`.
 * What was recorded by a former version stays: runs begun by it may still be under way at a payer.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { loadFiles } from '../../store/postgres/load.ts';
import { createCodec } from '../../temporal/codec.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { exchangeWorkflowId } from '../../workflows/contract.ts';
import { ENVIRONMENT_VARIABLE, testTemporal } from '../support/environment.ts';
import { taskOf } from '../support/payer.ts';
import { startExchange } from '../support/requester/exchange.ts';
import { endOf, payerDefinition, startRequester } from '../support/requester/requester.ts';
import type { Requester } from '../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../support/requester/sample-record.ts';
import type { Behaviour, Patch } from '../support/responder/options.ts';
import { startResponder } from '../support/responder/responder.ts';
import { startTestServers } from '../support/servers.ts';
import { startTwoPayers } from '../support/two-payers.ts';
import { matchParameters } from '../unit/support/payer-session.ts';
import { RECORDING_KEYS, recordingConverter } from './key.ts';
import { HISTORIES, printRecording } from './recording-format.ts';

const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync('package.json', 'utf8')));

async function write(client: Client, workflowId: string, scenario: string): Promise<void> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const file = path.join(HISTORIES, `${version}-${scenario}.json`);
  writeFileSync(file, await printRecording(workflowId, history, createCodec(RECORDING_KEYS)));
  process.stdout.write(`${file}: ${history.events?.length ?? 0} events\n`);
}

async function recordExchanges(client: Client): Promise<void> {
  const responder = await startResponder({ members: [SAMPLE_MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  const requester = await startRequester([server], {}, RECORDING_KEYS);
  const record = async (scenario: string, behaviour: Patch<Behaviour>, run = begin): Promise<void> => {
    responder.set({ manifest: { linesPerFile: 10 }, status: { retryAfter: null, pollsBeforeDone: 3 } });
    responder.set(behaviour);
    const taskId = await run(requester);
    await endOf(requester, taskId);
    // The Task ends shortly before its run does.
    await ended(client, exchangeWorkflowId(taskId));
    await write(client, exchangeWorkflowId(taskId), scenario);
  };
  await record('completed', { token: {} });
  await record('retried', { match: { failures: [{ times: 2, status: 503, code: 'transient' }] } });
  await record('match-failed', {}, (each) =>
    startExchange(each, { matchParameters: JSON.stringify(matchParameters()).replaceAll('PERSON', 'Somebody') }),
  );
  await record('cancelled-while-polling', { status: { pollsBeforeDone: 100_000 } }, cancelledWhilePolling);
  await record('download-failed', { files: { gzip: true, faults: { truncatedGzip: { times: 99 } } } });
  await requester.stop();
  await responder.close();
}

const begin = (requester: Requester): Promise<string> => startExchange(requester);

async function cancelledWhilePolling(requester: Requester): Promise<string> {
  const taskId = await startExchange(requester);
  while ((await requester.tasks.read(taskId)).businessStatus !== 'poll-export') await delay(20);
  await delay(500);
  await requester.runs.cancel(taskId);
  return taskId;
}

async function ended(client: Client, workflowId: string): Promise<void> {
  while ((await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING') await delay(20);
}

const RECORD = [
  '{"resourceType":"Patient","id":"p1","name":[{"family":"PERSON","given":["Ann"]}],"gender":"female","birthDate":"1974-12-25"}',
  '{"resourceType":"Coverage","id":"c1","status":"active","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MB"}]},"value":"M-1"}],"subscriberId":"M-1","beneficiary":{"reference":"Patient/p1"},"payor":[{"reference":"Organization/old-plan"}]}',
  '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"é"},"subject":{"reference":"Patient/p1"}}',
];

/** The responding payer's side of an exchange, and the removal that the other payer asks for at its end. */
async function recordExport(client: Client): Promise<void> {
  const payers = await startTwoPayers(RECORDING_KEYS);
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-record-'));
  const file = path.join(folder, 'record.ndjson');
  writeFileSync(file, RECORD.join('\n'));
  await loadFiles(payers.responding.wiring.pool, [file]);
  rmSync(folder, { recursive: true });
  await payers.requesting.ask('PUT', 'Patient/local-1', '{"resourceType":"Patient","id":"local-1"}');
  const body = {
    resourceType: 'Parameters',
    parameter: [
      { name: 'localPatient', valueReference: { reference: 'Patient/local-1' } },
      { name: 'sourceIssuerUrl', valueString: payers.responding.publicUrl },
      { name: 'memberMatch', part: (matchParameters() as { parameter: unknown }).parameter },
    ],
  };
  const answer = await payers.requesting.ask('POST', 'Patient/$sdh.s2s.invoke-export', JSON.stringify(body));
  const task = await taskOf(payers.requesting, answer.headers.get('content-location') ?? '');
  if (task.status !== 'completed') throw new Error(`The exchange ended: ${JSON.stringify(task.statusReason)}`);
  await write(client, await onlyRun(client, 'runExport'), 'export');
  await write(client, await onlyRun(client, 'removeExport'), 'export-removed');
  await payers.stop();
}

async function onlyRun(client: Client, type: string): Promise<string> {
  for (;;) {
    const query = `WorkflowType = '${type}' AND ExecutionStatus = 'Completed'`;
    for await (const { workflowId } of client.workflow.list({ query })) return workflowId;
    await delay(50);
  }
}

mkdirSync(HISTORIES, { recursive: true });
const servers = await startTestServers();
process.env[ENVIRONMENT_VARIABLE] = JSON.stringify(servers.environment);
const { client, connection } = connectTemporal(testTemporal(), recordingConverter);
try {
  await recordExchanges(client);
  await recordExport(client);
} catch (error) {
  // Said before the servers go: their clients complain then.
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
} finally {
  await connection.close();
  await servers.stop();
}
