// Jest loads this file as it is; everything behind it is TypeScript.
import { tsImport } from 'tsx/esm/api';

export default async function globalSetup() {
  const { startTestServers } = await tsImport('./servers.ts', import.meta.url);
  const servers = await startTestServers();
  globalThis.carryoverTestServers = servers;
  process.env.CARRYOVER_TEST_ENVIRONMENT = JSON.stringify(servers.environment);
}
