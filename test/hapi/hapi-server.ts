import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from '../../embedded/child.ts';
import { freePort } from '../../embedded/free-port.ts';
import { cacheFolder } from '../../embedded/project-root.ts';
import { lastLine, runProgram } from '../../embedded/run-program.ts';

/** HAPI FHIR's JPA server, open to everybody on this machine, empty at first. */
export interface HapiServer {
  /** FHIR base. */
  readonly url: string;
  stop(): Promise<void>;
}

const SOURCES = path.join(import.meta.dirname, 'server');
/** The first build downloads some 300 MB. */
const BUILD_LIMIT_MS = 900_000;
const START_DEADLINE_MS = 240_000;

/** For a test it lives for a minute: compiling well does not pay. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-Xmx1g'];

export async function startHapiServer(javaOptions: readonly string[] = SHORT_LIVED): Promise<HapiServer> {
  const folder = path.join(cacheFolder(), 'hapi');
  mkdirSync(folder, { recursive: true });
  await build(folder);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/fhir`;
  const logFile = path.join(folder, 'server.log');
  const classPath = `${path.join(folder, 'classes')}:${readFileSync(path.join(folder, 'class-path'), 'utf8').trim()}`;
  const child = startChild({
    command: await javaProgram(),
    args: [
      ...[...javaOptions, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
      ...['-cp', classPath, 'carryover.hapi.HapiServer', String(port)],
    ],
    ...{ logFile, stopSignal: 'TERM', graceSeconds: 10 },
  });
  const state = { ended: false };
  void child.exited.then(() => (state.ended = true));
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await answers(url))) {
    if (state.ended || Date.now() > deadline) {
      await child.stop();
      throw new Error(`HAPI FHIR did not start: see ${logFile}.`);
    }
    await delay(200);
  }
  return { url, stop: child.stop };
}

async function build(folder: string): Promise<void> {
  const pom = path.join(SOURCES, 'pom.xml');
  const built = await runProgram('mvn', ['-B', '-q', '-f', pom, `-Dserver.build=${folder}`, 'compile'], BUILD_LIMIT_MS);
  if (built.code !== 0) throw new Error(`HAPI FHIR could not be built: ${built.stdout}\n${lastLine(built)}`);
}

async function javaProgram(): Promise<string> {
  const { stdout } = await runProgram('/bin/sh', ['-c', 'command -v java'], 10_000);
  return stdout.trim();
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/metadata`);
    await answer.text();
    return answer.status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
