import type { RequesterDeps } from './deps.ts';

export function slotActivities({ exchanges, payer }: RequesterDeps) {
  return {
    /** True when this exchange may run now: a place of the payer is free, and no other exchange for the member runs. */
    async takeSlot(taskId: string): Promise<boolean> {
      const { payerPid } = await exchanges.load(taskId);
      return exchanges.takeSlot(taskId, (await payer(payerPid)).maxConcurrentExchanges);
    },
    async freeSlot(taskId: string): Promise<void> {
      await exchanges.freeSlot(taskId);
    },
  };
}
