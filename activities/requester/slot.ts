import type { RequesterDeps } from './deps.ts';

export function slotActivities({ exchanges, payer }: RequesterDeps) {
  return {
    /** True when this exchange may run now: a place of the payer is free, and no other exchange for the member runs. */
    async takeSlot(taskId: string): Promise<boolean> {
      return exchanges.takeSlot(taskId, (await payer(await exchanges.load(taskId))).maxConcurrentExchanges);
    },
    async freeSlot(taskId: string): Promise<void> {
      await exchanges.freeSlot(taskId);
    },
  };
}
