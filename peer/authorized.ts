import { ExchangeError } from '../fhir/errors.ts';
import { errorWithCode, readRefusal } from './answer.ts';
import type { PeerHttp, PeerRequest, PeerResponse } from './http.ts';
import type { ReachedPayer, TokenSource } from './token.ts';

/** What every request to one payer needs. */
export interface PeerConnection {
  readonly payer: ReachedPayer;
  readonly http: PeerHttp;
  readonly tokens: TokenSource;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

export type UnsignedRequest = Omit<PeerRequest, 'bearer' | 'signal' | 'purpose'>;

/** Sends a request without a token. */
export async function sendOpen(
  { payer, http, signal }: PeerConnection,
  request: UnsignedRequest,
): Promise<PeerResponse> {
  return http.fetch(payer, { ...request, ...(signal && { signal }) });
}

/**
 * Sends a request with the payer's token; after a 401 once more with a new one.
 * @throws ExchangeError `token-refused` when the new one is refused too; what `PeerHttp` and `TokenSource` throw
 */
export async function sendAuthorized(connection: PeerConnection, request: UnsignedRequest): Promise<PeerResponse> {
  const { payer, http, tokens, signal, now } = connection;
  const attempt = async (bearer: string): Promise<PeerResponse> =>
    http.fetch(payer, { ...request, bearer, ...(signal && { signal }) });
  const first = await tokens.get(payer, signal);
  const response = await attempt(first.accessToken);
  if (response.status !== 401) return response;
  await response.body.dump();
  await tokens.invalidate(payer, first.accessToken);
  const second = await tokens.get(payer, signal);
  const again = await attempt(second.accessToken);
  if (again.status === 401) throw errorWithCode(await readRefusal(again, now()), 'token-refused');
  return again;
}

/** An id fit for a path. */
export function assertId(id: string): string {
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(id)) return id;
  throw new ExchangeError('peer-invalid', { detail: 'an id of the peer is no FHIR id' });
}
