// What every npm script starts. On a fresh clone nothing is installed yet: so this file is plain JavaScript and needs
// Node alone. It makes the rest ready and then becomes the command: one process, so that signals reach it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const OLDEST_NODE = [20, 19];
const COMMANDS = ['demo', 'start', 'api', 'worker', 'migrate', 'load', 'test', 'bench', 'crash'];

// V8 collects garbage once the heap has grown by so much of what was in use. By itself it lets it grow to four times as much,
// the more memory the machine has. Records pass through a worker; what passes through an api lies outside of the heap, but
// counts as growth of it.
const HEAP_GROWTH_PERCENT = { start: 33, worker: 33, api: 200 };

/** Commands that use development packages. */
const DEVELOPMENT = ['test', 'crash'];

// Prisma would fetch an engine that we never run: any existing file satisfies it.
const WITHOUT_ENGINE = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' };

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => path.join(root, ...parts);
const say = (line) => process.stderr.write(`${line}\n`);
const sha256 = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex');

function stop(sentence) {
  say(sentence);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (isOld) stop(`Node ${process.versions.node} is too old: ${OLDEST_NODE.join('.')} or later is needed.`);
}

// An image for production leaves the development packages out; the commands that need them install them.
function installPackages(needsAll) {
  const lock = readFileSync(at('package-lock.json'), 'utf8');
  const stamp = at('node_modules', '.carryover-installed');
  const wanted = `${sha256(lock)} ${needsAll ? 'all' : 'production'}`;
  const stamped = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (stamped === wanted || stamped === `${sha256(lock)} all`) return;
  if (!isInstalled(JSON.parse(lock), needsAll)) {
    say('Installing the packages (npm install) …');
    rmSync(stamp, { force: true });
    const npm = process.env.npm_execpath;
    const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    // The lock's versions; not `npm ci`, which refuses where a registry lacks optional packages of other platforms.
    const args = [...first, 'install', '--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
    const env = { ...process.env, ...WITHOUT_ENGINE, SCARF_ANALYTICS: 'false' };
    const run = spawnSync(program, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
    if (run.status !== 0) stop('The packages could not be installed: npm says above why.');
  }
  writeFileSync(stamp, wanted);
}

// npm writes this list as the last act of an install that succeeded.
function isInstalled(lock, needsAll) {
  const list = at('node_modules', '.package-lock.json');
  if (!existsSync(list)) return false;
  const present = JSON.parse(readFileSync(list, 'utf8')).packages;
  return Object.entries(lock.packages).every(([name, { version, optional, dev, devOptional }]) => {
    if (name === '' || present[name]?.version === version) return true;
    const mayBeMissing = optional || devOptional || (dev && !needsAll);
    return present[name] === undefined && mayBeMissing;
  });
}

function generatePrismaClient() {
  const schema = readdirSync(at('prisma'))
    .filter((name) => name.endsWith('.prisma'))
    .sort()
    .map((name) => readFileSync(at('prisma', name), 'utf8'));
  const { version } = JSON.parse(readFileSync(at('node_modules', 'prisma', 'package.json'), 'utf8'));
  const stamp = at('.cache', 'prisma-client');
  const wanted = sha256(version, ...schema);
  const isThere = existsSync(at('prisma', 'generated', 'client.ts'));
  if (isThere && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('Generating the database client …');
  const run = spawnSync(process.execPath, [at('node_modules', 'prisma', 'build', 'index.js'), 'generate'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...WITHOUT_ENGINE },
  });
  if (run.status !== 0) stop(`The database client could not be generated:\n${run.stdout}${run.stderr}`);
  mkdirSync(at('.cache'), { recursive: true });
  writeFileSync(stamp, wanted);
}

// Threads that start from here on have little room for what is young.
function boundHeap(growthPercent) {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  setFlagsFromString('--max-semi-space-size=8');
}

async function runCommand(name, args) {
  if (!existsSync(at('cli', `${name}.ts`))) stop(`There is no command ${name}: ${COMMANDS.join(', ')}.`);
  if (HEAP_GROWTH_PERCENT[name] !== undefined) boundHeap(HEAP_GROWTH_PERCENT[name]);
  const { register } = await import('tsx/esm/api');
  register();
  const file = at('cli', `${name}.ts`);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}

checkNode();
const [name = '', ...args] = process.argv.slice(2);
if (!COMMANDS.includes(name)) stop(`Which command? ${COMMANDS.join(', ')}.`);
process.chdir(root);
installPackages(DEVELOPMENT.includes(name));
generatePrismaClient();
await runCommand(name, args);
