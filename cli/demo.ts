import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Task } from 'fhir/r4.js';
import { cacheFolder, projectRoot } from '../embedded/project-root.ts';
import { findTemporalCli } from '../embedded/temporal-cli.ts';
import { workflowBundle } from '../temporal/bundle.ts';
import { configurations, MEMBER_SYSTEM, REQUESTING_PAYER } from './demo/configuration.ts';
import { demoPayer } from './demo/demo-payer.ts';
import type { DemoPayer } from './demo/demo-payer.ts';
import { operatorOf } from './demo/operator.ts';
import { follow, table } from './demo/progress.ts';
import { fail } from './fail.ts';
import { generateMembers } from './sample-members/generate.ts';
import { sampleInvokeExport } from './sample-members/invoke-export.ts';
import { localPatientFor } from './sample-members/local-patient.ts';
import { sampleMember } from './sample-members/member.ts';
import { SAMPLE_PAYER } from './sample-members/payer.ts';
import type { SampleResource } from './sample-members/resource.ts';

const SAMPLE = { seed: 'demo', members: 3, resourcesPerMember: 3000, referenceDate: '2026-11-01' };
const COVERAGE_START = '2026-10-01';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Two payers and one whole exchange between them; `--keep` leaves them up. */
async function main(keep: boolean): Promise<number> {
  const folder = path.join(projectRoot(), '.demo');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  say('Carryover: one member moves from an old health plan to a new one.\n');
  await findTemporalCli(cacheFolder(), (line) => void process.stderr.write(`${line}\n`));
  await workflowBundle(cacheFolder());
  const responding = await demoPayer('old-payer', folder);
  const requesting = await demoPayer('new-payer', folder);
  const stop = async (): Promise<void> => {
    await Promise.all([responding.stop(), requesting.stop()]);
  };
  process.once('SIGINT', () => void stop().then(() => process.exit(130)));
  process.once('SIGTERM', () => void stop().then(() => process.exit(143)));
  try {
    const task = await exchange(responding, requesting, folder);
    if (keep && task.status === 'completed') await keepUp();
    return task.status === 'completed' ? 0 : 1;
  } finally {
    await stop();
  }
}

async function exchange(responding: DemoPayer, requesting: DemoPayer, folder: string): Promise<Task> {
  say('1. Two payers start, each with a Postgres, a Temporal and keys of its own …');
  const configuration = await configurations(responding);
  await Promise.all([responding.start(configuration.responding), requesting.start(configuration.requesting)]);
  say(`   old payer ${responding.fhirUrl}\n   new payer ${requesting.fhirUrl}`);
  const total = writeSample(path.join(folder, 'sample'), generateMembers(SAMPLE));
  say(`2. The old payer loads ${total} records of ${SAMPLE.members} members …`);
  await responding.load(path.join(folder, 'sample'));
  const member = sampleMember(SAMPLE.seed, 1);
  say(`3. The new payer asks for the records of ${member.person.given.join(' ')} ${member.person.family}:`);
  const operator = operatorOf(requesting);
  const local = localPatientFor(member, {
    ...{ referenceSystem: MEMBER_SYSTEM, payer: REQUESTING_PAYER, coverageStart: COVERAGE_START },
  });
  for (const { type, id, text } of [local.patient, local.coverage]) await operator.put(type, id, text);
  const request = sampleInvokeExport(member, {
    ...{ sourceIssuerUrl: responding.publicUrl, respondingPayer: SAMPLE_PAYER, requestingPayer: REQUESTING_PAYER },
    ...{
      coverageStart: COVERAGE_START,
      policy: 'sensitive',
      consentPeriod: { start: '2026-10-01', end: '2099-12-31' },
    },
  });
  const location = await operator.post('Patient/$sdh.s2s.invoke-export', request);
  const task = await follow(operator, requesting, location);
  report(task, location, responding, requesting);
  return task;
}

/** One NDJSON file per type, as a Bulk Data export would hold them; answers the number of records. */
function writeSample(folder: string, resources: Iterable<SampleResource>): number {
  const byType = new Map<string, SampleResource[]>();
  for (const resource of resources) {
    const known = byType.get(resource.type);
    if (known === undefined) byType.set(resource.type, [resource]);
    else known.push(resource);
  }
  mkdirSync(folder, { recursive: true });
  let total = 0;
  for (const [type, ofType] of byType) {
    writeFileSync(path.join(folder, `${type}.ndjson`), ofType.map(({ text }) => `${text}\n`).join(''));
    total += ofType.length;
  }
  return total;
}

function report(task: Task, location: string, responding: DemoPayer, requesting: DemoPayer): void {
  say('');
  if (task.status !== 'completed') {
    say(`The exchange ended ${task.status}: ${task.statusReason?.text ?? ''}`);
    return;
  }
  say('What arrived, as the Task counts it:\n');
  say(table(task));
  say(`
Where to look (with \`npm run demo -- --keep\`, which leaves both payers up):
  Task           ${requesting.fhirUrl}/${location}
  Temporal UI    new payer ${requesting.temporalUiUrl}   old payer ${responding.temporalUiUrl}
  P2P API        ${requesting.swaggerUrl}  (Swagger UI)
  Credentials    ${path.relative(projectRoot(), requesting.dataDir)}/admin-client-id and admin-client-secret`);
}

async function keepUp(): Promise<void> {
  say('\nBoth payers stay up. Ctrl-C ends them.');
  await new Promise<never>(() => {
    // Only a signal ends it; a timer keeps the process alive until then.
    setInterval(() => undefined, 3_600_000);
  });
}

await main(process.argv.includes('--keep')).then((code) => process.exit(code), fail);
