import { ExchangeError } from '../../fhir/errors.ts';
import type { RestContext } from './interaction.ts';
import { allVisible } from './search-pages.ts';
import type { SearchPlan } from './search-plan.ts';

/** So many records are looked through one by one for a partner, who sees only some of them. */
const MOST_COUNTED = 20_000;

/** How many records a search finds. @throws ExchangeError `too-costly` */
export async function totalOf(context: RestContext, plan: SearchPlan): Promise<number> {
  if (context.access.isOperator) return context.store.count(plan.scope);
  let total = 0;
  for await (const _resource of allVisible(context, plan)) {
    total += 1;
    if (total > MOST_COUNTED) throw new ExchangeError('too-costly');
  }
  return total;
}
