import { StartError } from '../../embedded/start-error.ts';
import { newEncryptionKey } from '../../encryption-keys.ts';
import type { Run } from '../imports.ts';
import { askedOf, isExpected, KINDS } from '../membership/asked.ts';
import type { Kind } from '../membership/asked.ts';
import { membersDatabase } from '../membership/database.ts';
import { OWN_ORGANIZATION } from '../membership/records.ts';
import { percentile } from '../percentile.ts';
import { PARTNER, startApiProcess } from '../responder/api-process.ts';
import type { ApiProcess } from '../responder/api-process.ts';
import { matchRequest } from '../responder/match-request.ts';
import { figure } from '../result.ts';
import type { Figure, Result } from '../result.ts';
import type { Benchmark } from './benchmark.ts';

const FEW = 10_000;
const AT_ONCE = 4;
const WARM_UP = 200;
const REQUESTS = 1000;

export const matchMillion: Benchmark = {
  name: 'members-1m',
  byNameOnly: true,
  measure: (run) => compareSizes(run, [FEW, 1_000_000]),
};

export const matchHundredThousand: Benchmark = {
  name: 'members-100k',
  byNameOnly: true,
  measure: (run) => compareSizes(run, [FEW, 100_000]),
};

/** A payer of so many members, behind both ways of matching. */
interface MatchingPayer {
  readonly members: number;
  readonly times: Readonly<Record<Kind, number[]>>;
  apiOf(kind: Kind): ApiProcess;
}

/** Both payers are asked in turn: what else the machine does slows both. */
async function compareSizes(run: Run, sizes: readonly [number, number]): Promise<Omit<Result, 'name'>> {
  const payers: MatchingPayer[] = [];
  for (const members of sizes) payers.push(await startMatchingPayer(run, members));
  let asked = 0;
  const total = payers.length * KINDS.length * (WARM_UP + REQUESTS);
  const look = (): Promise<string> => Promise.resolve(`match: ${asked} of ${total} requests`);
  const turns = Array.from({ length: WARM_UP + REQUESTS }, (_, turn) =>
    KINDS.flatMap((kind) => payers.map((payer) => ({ payer, kind, turn }))),
  ).flat();
  const rest = turns.values();
  const client = async (): Promise<void> => {
    for (const { payer, kind, turn } of rest) {
      const ms = await ask(payer, kind, turn);
      if (turn >= WARM_UP) payer.times[kind].push(ms);
      asked += 1;
    }
  };
  await run.progress.during(look, () => Promise.all(Array.from({ length: AT_ONCE }, client)));
  return resultOf(payers);
}

async function startMatchingPayer(run: Run, members: number): Promise<MatchingPayer> {
  const { servers, progress } = run;
  const name = `match_${members}`;
  const databaseUrl = await membersDatabase(servers, progress, { name, members });
  const settings = { databaseUrl, encryptionKeys: newEncryptionKey() };
  const configuration = {
    ...{ organizations: [OWN_ORGANIZATION], ownOrganization: OWN_ORGANIZATION.id, oidcClients: [PARTNER] },
  };
  const byNumber = await startApiProcess(servers, `${name}-by-number`, { ...settings, configuration });
  const byName = await startApiProcess(servers, `${name}-by-name`, {
    ...settings,
    configuration: { ...configuration, matching: { require: ['family', 'given', 'birthDate'] } },
  });
  const times = Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as MatchingPayer['times'];
  return { members, times, apiOf: (kind) => (kind.endsWith('by demographics') ? byName : byNumber) };
}

/** Answers the milliseconds that it took. */
async function ask({ members, apiOf }: MatchingPayer, kind: Kind, turn: number): Promise<number> {
  const asked = askedOf(kind, { turn, turns: WARM_UP + REQUESTS, members });
  const api = apiOf(kind);
  const authorization = await api.authorization();
  const body = matchRequest(asked.request);
  const begun = performance.now();
  const answer = await fetch(`${api.fhirUrl}/Patient/$member-match`, {
    ...{ method: 'POST', body },
    headers: { authorization, 'content-type': 'application/fhir+json' },
  });
  const text = await answer.text();
  const ms = performance.now() - begun;
  if (!isExpected(asked, answer.status, text)) {
    throw new StartError(`${kind} was answered ${answer.status} at ${members} members: ${text.slice(0, 1000)}`);
  }
  return ms;
}

function resultOf(payers: readonly MatchingPayer[]): Omit<Result, 'name'> {
  const label = ({ members }: MatchingPayer): string => members.toLocaleString('en-US');
  const all = ({ times }: MatchingPayer): number[] => KINDS.flatMap((kind) => times[kind]);
  const figures: Figure[] = [];
  const compare = (name: string, part: number, timesOf: (payer: MatchingPayer) => readonly number[]): void => {
    const values = payers.map((payer) => ({ payer, ms: percentile(timesOf(payer), part) }));
    for (const { payer, ms } of values) figures.push(figure(`${name}, ${label(payer)} members`, ms, 'ms'));
    const [few, many] = values;
    figures.push(figure(`${name}, many : few`, (many?.ms ?? Number.NaN) / (few?.ms ?? Number.NaN), 'ratio'));
  };
  compare('p50', 0.5, all);
  compare('p99', 0.99, all);
  for (const kind of KINDS) compare(`p99, ${kind}`, 0.99, ({ times }) => times[kind]);
  return {
    about:
      '`$member-match` over HTTP with a token, by payers of two sizes that are asked in turn, four requests at a time: members by a number of their card or by names and birth date alone, persons who are nearly members, persons with unknown numbers.',
    inputs: { 'requests of each kind and size': REQUESTS },
    figures,
  };
}
