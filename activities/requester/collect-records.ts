import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { cutBack, readPage } from './collect-page.ts';
import type { RequesterDeps } from './deps.ts';

/** Reads a synchronous export to its end, from where it stands; answers the number of files that it made. */
export function collectRecords(deps: RequesterDeps) {
  return async (taskId: string): Promise<number> => {
    const { exchanges, files, knowledge } = deps;
    const exchange = await exchanges.load(taskId);
    const payer = await deps.payer(exchange);
    const client = deps.peer(payer, cancellationSignal());
    let state = exchange.collection;
    if (state === undefined) throw new ExchangeError('internal', { detail: 'No synchronous export was begun.' });
    await cutBack(deps, taskId, state);
    while (state.request < state.requests.length) state = await readPage(deps, client, exchange, state);
    const positions = Object.values(state.files);
    for (const { number } of positions) await files.change(taskId, number, { received: true });
    const { kickOffForm: form, request } = exchange;
    // A request that was given whole says nothing of how the payer is best asked.
    if (form !== undefined && request.asked === undefined)
      await knowledge.learn(payer, { export: { form, at: new Date().toISOString() } });
    return positions.length;
  };
}
