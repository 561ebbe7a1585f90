import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../embedded/project-root.ts';
import { runProgram } from '../embedded/run-program.ts';

const BESIDE = path.join(projectRoot(), '..', 'shared', 'data');

/** NDJSON of 15 Synthea patients, one file per type; too large for the repository. */
export const SAMPLE_DATA = sampleData(BESIDE);

/** Packages of implementation guides; others' property, so not in the repository. */
export const IG_PACKAGES = igPackages(BESIDE);

/** Why a project of `jest.config.js` cannot run here: a program can be installed, data beside the repository cannot. */
export interface Missing {
  readonly kind: 'program' | 'data';
  readonly what: string;
}

export interface TestRequirement {
  readonly project: string;
  /** What is missing, or undefined where the tests can run. */
  missing(): Promise<Missing | undefined>;
}

/** The machine that tests run on. */
export interface TestMachine {
  /** Where data lies that is not in the repository. */
  readonly dataFolder: string;
  /** Whether this command ends with 0. */
  succeeds(command: string, args: readonly string[]): Promise<boolean>;
}

export const THIS_MACHINE: TestMachine = {
  dataFolder: BESIDE,
  succeeds: async (command, args) => (await runProgram(command, args, 10_000)).code === 0,
};

/** The projects whose tests need what neither the repository nor its packages bring. */
export function testRequirements(machine: TestMachine): readonly TestRequirement[] {
  const { dataFolder, succeeds } = machine;
  const isOnPath = (program: string): Promise<boolean> => succeeds('/bin/sh', ['-c', `command -v ${program}`]);
  const jdkAndMaven = async (): Promise<Missing | undefined> =>
    (await isOnPath('javac')) && (await isOnPath('mvn')) ? undefined : JDK_AND_MAVEN;
  const data = (...folders: readonly string[]): Missing | undefined => {
    const absent = folders.find((folder) => !existsSync(folder));
    return absent === undefined
      ? undefined
      : { kind: 'data', what: `no ${absent}, which is no part of the repository` };
  };
  return [
    {
      project: 'browser',
      async missing() {
        for (const program of CHROMIUM) if (await isOnPath(program)) return undefined;
        return { kind: 'program', what: 'no Chromium on PATH: install the package chromium' };
      },
    },
    { project: 'samples', missing: () => Promise.resolve(data(sampleData(dataFolder))) },
    { project: 'hapi', missing: jdkAndMaven },
    {
      project: 'validator',
      missing: async () => (await jdkAndMaven()) ?? data(sampleData(dataFolder), igPackages(dataFolder)),
    },
    {
      project: 'clients',
      missing: async () => ((await succeeds('python3', ['-c', PYTHON_WITH_VENV])) ? undefined : PYTHON),
    },
  ];
}

/**
 * What a run of the tests ends with. Where all programs are required, tests that one of them is missing for have
 * failed; data that lies elsewhere can be required of nobody.
 */
export function exitCodeOf(
  ran: number | null,
  left: readonly Pick<Missing, 'kind'>[],
  programsRequired: boolean,
): number {
  const code = ran ?? 1;
  return code === 0 && programsRequired && left.some(({ kind }) => kind === 'program') ? 1 : code;
}

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'];
const PYTHON_WITH_VENV = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))';

const JDK_AND_MAVEN: Missing = {
  kind: 'program',
  what: 'no JDK and Maven on PATH: install the packages openjdk-17-jdk-headless (or later) and maven',
};
const PYTHON: Missing = {
  kind: 'program',
  what: 'no Python from 3.11 on with venv on PATH: install the packages python3 and python3-venv',
};

function sampleData(dataFolder: string): string {
  return path.join(dataFolder, 'synthea-ma');
}

function igPackages(dataFolder: string): string {
  return path.join(dataFolder, 'ig-packages');
}
