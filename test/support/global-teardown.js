export default async function globalTeardown() {
  await globalThis.carryoverTestServers?.stop();
}
