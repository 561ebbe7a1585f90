import { StartError } from '../../embedded/start-error.ts';
import { startHapiServer } from '../../test/hapi/hapi-server.ts';
import type { SetSize } from '../data.ts';
import { transactionsOf } from '../hapi/transactions.ts';
import type { Run } from '../imports.ts';
import { figure } from '../result.ts';
import type { Benchmark } from './benchmark.ts';

const MEMBERS = 4;
const RESOURCES = 5000;

/** The first one warms up. */
const sets: readonly SetSize[] = Array.from({ length: MEMBERS + 1 }, (_, index) => ({
  name: `hapi-${RESOURCES}-${index}`,
  resources: RESOURCES,
}));

export const hapi: Benchmark = {
  name: 'hapi',
  byNameOnly: true,
  async measure(run) {
    const total = MEMBERS * RESOURCES;
    const theirs = total / (await theirSeconds(run));
    const ours = total / (await ourSeconds(run));
    return {
      about:
        "The records of four members at a time: as transaction Bundles into HAPI FHIR's JPA server (its database in memory, Bundles made beforehand), and by exchanges into ours (from the kick-off to published records, its database on disk). Each has done the same for another member before.",
      inputs: { members: MEMBERS, 'resources of each': RESOURCES },
      figures: [
        figure('HAPI FHIR', theirs, 'resources/s'),
        figure('import', ours, 'resources/s'),
        figure('import : HAPI FHIR', ours / theirs, 'ratio'),
      ],
    };
  },
};

async function ourSeconds(run: Run): Promise<number> {
  const prepared = await Promise.all(sets.map((size) => run.prepare(size)));
  const { result } = await run.withPayer({ name: 'hapi' }, async (payer) => {
    await run.exchangeAll(payer, prepared.slice(0, 1));
    return (await run.exchangeAll(payer, prepared.slice(1))).seconds;
  });
  return result;
}

async function theirSeconds(run: Run): Promise<number> {
  run.progress.say('building and starting HAPI FHIR …');
  const server = await startHapiServer(['-Xmx4g']);
  try {
    const [warmUp = [], ...measured] = sets.map(transactionsOf);
    await postAll(server.url, warmUp);
    let done = 0;
    const all = measured.flat().length;
    const begun = performance.now();
    const look = (): Promise<string> => Promise.resolve(`HAPI FHIR: ${done} of ${all} transactions`);
    await run.progress.during(look, () =>
      Promise.all(measured.map((bundles) => postAll(server.url, bundles, () => (done += 1)))),
    );
    return (performance.now() - begun) / 1000;
  } finally {
    await server.stop();
  }
}

/** One after another: what a Bundle refers to is there. */
async function postAll(url: string, bundles: readonly string[], tell: () => void = () => undefined): Promise<void> {
  for (const body of bundles) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body });
    const text = await answer.text();
    if (answer.status !== 200) throw new StartError(`HAPI FHIR answered ${answer.status}: ${text.slice(0, 2000)}`);
    tell();
  }
}
