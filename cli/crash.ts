import {
  begin,
  crashPayer,
  crashResponder,
  endOf,
  outcomeOf,
  usualBehaviour,
} from '../test/support/processes/crash-exchange.ts';
import type { PayerProcess } from '../test/support/processes/payer-process.ts';
import type { Responder } from '../test/support/responder/responder.ts';
import { StartError } from '../embedded/start-error.ts';
import { fail } from './fail.ts';
import { createRandom } from './sample-members/random.ts';

/** A run is killed up to this often before it may reach its end. */
const MOST_KILLS = 3;
/** Somewhat longer than an undisturbed exchange of this size takes. */
const LONGEST_WAIT_MS = 6000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Crash runs, repeatable by seed: kill -9 of everything at seeded moments, then the outcome of an undisturbed run. */
async function main(args: readonly string[]): Promise<number> {
  const [first, last] = seedsOf(args);
  const responder = await crashResponder();
  try {
    const { outcome, durationMs } = await undisturbed(responder);
    say(`undisturbed: ${durationMs} ms`);
    let passed = 0;
    for (let seed = first; seed <= last; seed++) {
      const kills = killsOf(seed);
      const found = await disturbed(responder, kills);
      const isSame = JSON.stringify(found) === JSON.stringify(outcome);
      if (isSame) passed++;
      say(
        `seed ${seed}: killed after ${kills.join(', ')} ms: ${isSame ? 'same outcome' : `DIFFERS ${JSON.stringify(found)}`}`,
      );
    }
    const failed = last - first + 1 - passed;
    say(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    await responder.close();
  }
}

function seedsOf(args: readonly string[]): readonly [number, number] {
  const at = args.indexOf('--seeds');
  const [, first, last] = /^(\d+)-(\d+)$/.exec(args[at + 1] ?? '') ?? [];
  if (at === -1 || first === undefined || last === undefined || Number(last) < Number(first)) {
    throw new StartError('Which seeds? npm run crash -- --seeds 1-10');
  }
  return [Number(first), Number(last)];
}

/** Milliseconds from each start on: the same for a seed on every machine. */
function killsOf(seed: number): readonly number[] {
  const random = createRandom('crash', seed);
  return Array.from({ length: random.integer(1, MOST_KILLS) }, () => random.integer(0, LONGEST_WAIT_MS));
}

async function undisturbed(responder: Responder): Promise<{ readonly outcome: object; readonly durationMs: number }> {
  usualBehaviour(responder);
  return withPayer(responder, async (payer) => {
    const started = Date.now();
    const task = await endOf(payer, await begin(payer, responder));
    return { durationMs: Date.now() - started, outcome: await outcomeOf(payer, task) };
  });
}

async function disturbed(responder: Responder, kills: readonly number[]): Promise<object> {
  usualBehaviour(responder);
  return withPayer(responder, async (payer) => {
    const location = await begin(payer, responder);
    for (const delay of kills) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      await payer.killEverything();
      await payer.start();
    }
    return outcomeOf(payer, await endOf(payer, location));
  });
}

async function withPayer<T>(responder: Responder, run: (payer: PayerProcess) => Promise<T>): Promise<T> {
  const payer = await crashPayer(responder);
  try {
    return await run(payer);
  } finally {
    await payer.stop();
    payer.remove();
  }
}

await main(process.argv.slice(2)).then((code) => process.exit(code), fail);
