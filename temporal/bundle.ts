import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { failureConverterPath } from './data-converter.ts';

const root = path.dirname(import.meta.dirname);
const program = path.join(import.meta.dirname, 'write-bundle.mjs');
const run = promisify(execFile);

/** The folders whose files may be part of the bundle. */
const FOLDERS = ['workflows', 'fhir'];

/**
 * The workflows as one file for the workers. Bundling takes seconds: the file is kept under the hash of all that went
 * into it.
 */
export async function workflowBundle(cacheDir: string): Promise<{ codePath: string }> {
  const codePath = path.join(cacheDir, 'workflows', `${contentHash()}.js`);
  if (!existsSync(codePath)) {
    mkdirSync(path.dirname(codePath), { recursive: true });
    // Several programs may bundle at once: each names the finished file only.
    const draft = `${codePath}.${randomUUID()}`;
    const workflows = path.join(root, 'workflows', `index${path.extname(import.meta.filename)}`);
    await run(process.execPath, [program, workflows, failureConverterPath, draft]);
    renameSync(draft, codePath);
  }
  return { codePath };
}

function contentHash(): string {
  const hash = createHash('sha256');
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
  const sdk = createRequire(import.meta.url).resolve('@temporalio/workflow/package.json');
  for (const file of [...files.sort(), failureConverterPath, sdk]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 32);
}
