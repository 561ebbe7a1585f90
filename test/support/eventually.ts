/** Asks again until there is something, for half a minute. */
export async function eventually<T>(ask: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`Not within 30 seconds: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
