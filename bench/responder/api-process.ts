import path from 'node:path';
import { z } from 'zod';
import { freePort } from '../../embedded/free-port.ts';
import { projectRoot } from '../../embedded/project-root.ts';
import { processEnvironment } from '../environment.ts';
import type { ProcessSettings } from '../environment.ts';
import { startProgram } from '../program.ts';
import type { Servers } from '../servers.ts';

/** The two HTTP APIs of a responding payer, and what its one partner needs of them. */
export interface ApiProcess {
  readonly fhirUrl: string;
  /** The header of a token that is good for some time to come. */
  authorization(): Promise<string>;
  stop(): Promise<void>;
}

export const PARTNER = {
  clientId: 'requesting-payer',
  name: 'Requesting payer',
  clientSecret: 'a-secret-of-this-benchmark-alone',
};
/** As the script of package.json has them. */
const SCRIPT_OPTIONS = ['--v8-pool-size=1', '--max-semi-space-size=4'];
const RENEW_BEFORE_MS = 60_000;

const tokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });
const smartConfiguration = z.object({ token_endpoint: z.url() });

/** `npm run api`, as an operator starts it. */
export async function startApiProcess(servers: Servers, name: string, settings: ProcessSettings): Promise<ApiProcess> {
  const [port, p2pPort] = [await freePort(), await freePort()];
  const program = await startProgram({
    args: [...SCRIPT_OPTIONS, path.join(projectRoot(), 'cli', 'run.mjs'), 'api'],
    env: { ...processEnvironment(servers, name, settings), PORT: String(port), P2P_PORT: String(p2pPort) },
    file: path.join(servers.folder, name),
    ready: /^ready (\S+)$/m,
  });
  servers.children.add(program);
  const fhirUrl = program.said[1] ?? '';
  const smart = smartConfiguration.parse(await (await fetch(`${fhirUrl}/.well-known/smart-configuration`)).json());
  let token = { header: '', until: 0 };
  return {
    fhirUrl,
    async authorization() {
      if (Date.now() > token.until) token = await newToken(smart.token_endpoint);
      return token.header;
    },
    async stop() {
      await program.stop();
      servers.children.delete(program);
    },
  };
}

async function newToken(endpoint: string): Promise<{ readonly header: string; readonly until: number }> {
  const { clientId, clientSecret } = PARTNER;
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.rs' }),
  });
  const { access_token, expires_in } = tokenAnswer.parse(await answer.json());
  return { header: `Bearer ${access_token}`, until: Date.now() + expires_in * 1000 - RENEW_BEFORE_MS };
}
