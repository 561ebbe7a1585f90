import { CancellationScope } from '@temporalio/workflow';

/**
 * Runs `run` for every item, some at a time. The first failure cancels what is under way, begins nothing more and is thrown
 * when all have ended: whoever undoes then undoes alone.
 */
export async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    let next = 0;
    let failure: { readonly error: unknown } | undefined;
    const lane = async (): Promise<void> => {
      for (let item = items[next++]; item !== undefined && failure === undefined; item = items[next++]) {
        try {
          await run(item);
        } catch (error) {
          // Only the first failure counts: those after it are its own cancellations.
          failure ??= { error };
          scope.cancel();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, lane));
    if (failure !== undefined) throw failure.error;
  });
}
