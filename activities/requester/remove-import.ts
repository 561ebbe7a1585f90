import type { RequesterDeps } from './deps.ts';

/** Takes away all that was staged. A published import is no longer the exchange's to take back. */
export function removeImport({ exchanges, fhir }: RequesterDeps) {
  return async (taskId: string): Promise<void> => {
    const { publishedAt } = await exchanges.load(taskId);
    if (publishedAt === undefined) await fhir.removeImport(taskId);
  };
}
