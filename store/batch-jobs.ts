import type { PrismaClient } from '../prisma/generated/client.ts';

/** Numbers under which the P2P API knows exchanges. */
export interface BatchJobStore {
  /** The number of an exchange: the one that it has, or a new one. */
  numberOf(taskId: string, payerPid: number): Promise<number>;
  /** The Task of a number; undefined where this payer has no such job. */
  taskOf(id: number, payerPid: number): Promise<string | undefined>;
}

export function createBatchJobStore(prisma: PrismaClient): BatchJobStore {
  return {
    async numberOf(taskId, payerPid) {
      const known = await prisma.batchJob.findUnique({ where: { taskId } });
      if (known !== null) return known.id;
      await prisma.batchJob.createMany({ data: [{ taskId, payerPid }], skipDuplicates: true });
      return (await prisma.batchJob.findUniqueOrThrow({ where: { taskId } })).id;
    },
    async taskOf(id, payerPid) {
      return (await prisma.batchJob.findFirst({ where: { id, payerPid } }))?.taskId;
    },
  };
}
