import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../embedded/project-root.ts';
import { runProgram } from '../embedded/run-program.ts';

/** NDJSON of 15 Synthea patients, one file per type; too large for the repository. */
export const SAMPLE_DATA = path.join(projectRoot(), '..', 'shared', 'data', 'synthea-ma');

/** Packages of implementation guides; others' property, so not in the repository. */
export const IG_PACKAGES = path.join(projectRoot(), '..', 'shared', 'data', 'ig-packages');

/** A project of `jest.config.js` whose tests need a program beyond the repository's packages. */
export interface TestRequirement {
  readonly project: string;
  /** What is missing, or undefined where the tests can run. */
  missing(): Promise<string | undefined>;
}

export const TEST_REQUIREMENTS: readonly TestRequirement[] = [
  {
    project: 'browser',
    missing: async () =>
      (await isOnPath('chromium', 'chromium-browser', 'google-chrome'))
        ? undefined
        : 'no Chromium on PATH: install the package chromium',
  },
  {
    project: 'samples',
    missing: () => Promise.resolve(existsSync(SAMPLE_DATA) ? undefined : `no sample data in ${SAMPLE_DATA}`),
  },
  { project: 'hapi', missing: jdkAndMaven },
  {
    project: 'validator',
    missing: async () => {
      const folder = [SAMPLE_DATA, IG_PACKAGES].find((each) => !existsSync(each));
      return folder === undefined ? jdkAndMaven() : `nothing in ${folder}`;
    },
  },
  {
    project: 'clients',
    missing: async () => {
      const { code } = await runProgram('python3', ['-c', PYTHON_WITH_VENV], 10_000);
      return code === 0
        ? undefined
        : 'no Python from 3.11 on with venv on PATH: install the packages python3 and python3-venv';
    },
  },
];

const PYTHON_WITH_VENV = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))';

async function jdkAndMaven(): Promise<string | undefined> {
  return (await isOnPath('javac')) && (await isOnPath('mvn'))
    ? undefined
    : 'no JDK and Maven on PATH: install the packages openjdk-17-jdk-headless (or later) and maven';
}

async function isOnPath(...programs: readonly string[]): Promise<boolean> {
  for (const program of programs) {
    const { code } = await runProgram('/bin/sh', ['-c', `command -v ${program}`], 10_000);
    if (code === 0) return true;
  }
  return false;
}
