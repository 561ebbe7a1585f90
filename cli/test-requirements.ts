import { runProgram } from '../embedded/run-program.ts';

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
];

async function isOnPath(...programs: readonly string[]): Promise<boolean> {
  for (const program of programs) {
    const { code } = await runProgram('/bin/sh', ['-c', `command -v ${program}`], 10_000);
    if (code === 0) return true;
  }
  return false;
}
