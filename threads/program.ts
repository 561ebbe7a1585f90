import path from 'node:path';

const entry = path.join(import.meta.dirname, 'import-thread.ts');

/**
 * The program of a thread as one piece of JavaScript: a thread that loaded the sources by itself would need the compiler
 * in its memory.
 */
export async function threadProgram(): Promise<string> {
  const { build, stop } = await import('esbuild');
  const built = build({
    ...{ entryPoints: [entry], bundle: true, write: false },
    ...{ platform: 'node', format: 'cjs', target: 'node20', sourcemap: 'inline', logLevel: 'silent' },
  });
  const { outputFiles } = await built.finally(stop);
  return outputFiles[0]?.text ?? '';
}
