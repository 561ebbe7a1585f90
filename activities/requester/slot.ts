import type { RequesterDeps } from './deps.ts';

export function slotActivities({ exchanges, payer }: RequesterDeps) {
  return {
    /** True when this exchange may run now: a place of the payer is free, and no other exchange for the member runs. */
    async takeSlot(taskId: string): Promise<boolean> {
      const exchange = await exchanges.load(taskId);
      const isTaken = await exchanges.takeSlot(taskId, (await payer(exchange)).maxConcurrentExchanges);
      // Before the Task says `in-progress`: whoever reads that finds when it came out of the queue.
      if (isTaken && exchange.startedAt === undefined) {
        await exchanges.change(taskId, { startedAt: new Date().toISOString() });
      }
      return isTaken;
    },
    async freeSlot(taskId: string): Promise<void> {
      await exchanges.freeSlot(taskId);
    },
  };
}
