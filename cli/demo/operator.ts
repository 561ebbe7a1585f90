import { z } from 'zod';
import { StartError } from '../../embedded/start-error.ts';
import type { DemoPayer } from './demo-payer.ts';

/** The operator of a payer, who asks over HTTP like everybody else. */
export interface Operator {
  put(type: string, id: string, text: string): Promise<void>;
  /** Posts to a path of the FHIR API; answers Content-Location. */
  post(path: string, text: string): Promise<string>;
  get(path: string): Promise<unknown>;
}

const tokenAnswer = z.looseObject({ access_token: z.string() });
const FHIR_JSON = 'application/fhir+json';

/** Tokens live for five minutes: one for each request is as simple as it gets. */
export function operatorOf(payer: DemoPayer): Operator {
  const send = async (method: string, path: string, body?: string): Promise<Response> => {
    const response = await fetch(`${payer.fhirUrl}/${path}`, {
      method,
      headers: { authorization: `Bearer ${await token(payer)}`, 'content-type': FHIR_JSON },
      ...(body !== undefined && { body }),
    });
    if (!response.ok)
      throw new StartError(`${method} ${path} was answered ${response.status}: ${await response.text()}`);
    return response;
  };
  return {
    async put(type, id, text) {
      await send('PUT', `${type}/${id}`, text);
    },
    async post(path, text) {
      return (await send('POST', path, text)).headers.get('content-location') ?? '';
    },
    async get(path) {
      return (await send('GET', path)).json();
    },
  };
}

async function token(payer: DemoPayer): Promise<string> {
  const { id, secret } = payer.credentials();
  const response = await fetch(`${payer.publicUrl}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.cruds carryover.admin' }),
  });
  return tokenAnswer.parse(await response.json()).access_token;
}
