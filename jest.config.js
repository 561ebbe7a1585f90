import { availableParallelism } from 'node:os';

// One project per folder of test/: what a project needs is what its folder's row in docs/architecture.md names.
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
  ],
};
const project = (name, more = {}) => ({
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  ...more,
});

// One Postgres and one Temporal server for all projects of a run that need them; started only when such tests run.
const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
};

export default {
  projects: [
    project('unit'),
    project('workflows', servers),
    project('integration', servers),
    project('samples', servers),
    project('replay', servers),
    project('hapi', servers),
    project('validator', servers),
    project('clients', servers),
    project('crash'),
    project('browser'),
  ],
  testTimeout: 180_000,
  // Most of the time a test waits for a server: one file at a time would leave both cores of a small machine idle.
  maxWorkers: Math.max(2, Math.ceil(availableParallelism() / 2)),
  // Modules of a file that is through stay in memory: a worker that holds too many is started anew.
  workerIdleMemoryLimit: '1GB',
};
