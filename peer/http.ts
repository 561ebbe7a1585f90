import { Agent, request as send } from 'undici';
import type { Dispatcher } from 'undici';
import { ExchangeError } from '../fhir/errors.ts';
import { guardedLookup } from './address-guard.ts';
import type { ResolveAll } from './address-guard.ts';
import { allowedHosts } from './allowed-hosts.ts';
import type { AllowedHosts, PayerReach, Purpose } from './allowed-hosts.ts';
import { exchangeErrorIn } from './peer-error.ts';
import { codeOf } from './transport-error.ts';

export interface PeerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Absolute. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Access token; left behind when a redirect leads to another origin. */
  readonly bearer?: string;
  /** Default `fhir`. Requests for a token follow no redirect. */
  readonly purpose?: Purpose;
  readonly signal?: AbortSignal;
}

export interface PeerResponse {
  readonly status: number;
  /** After redirects: what relative URLs of the answer are resolved against. */
  readonly url: string;
  header(name: string): string | undefined;
  /** The bytes of the transfer, Content-Encoding still on. Has to be read to its end or discarded. */
  readonly body: Dispatcher.ResponseData['body'];
}

export interface PeerHttp {
  /**
   * Sends one request to a payer and follows redirects; any status is an answer.
   * @throws ExchangeError `host-not-allowed`, `peer-unreachable`, `peer-invalid` (redirect to nowhere); the reason of
   * the signal when that was aborted
   */
  fetch(payer: PayerReach, request: PeerRequest): Promise<PeerResponse>;
  close(): Promise<void>;
}

export interface PeerHttpOptions {
  readonly connectTimeoutMs?: number;
  /** Until the headers of an answer are there: a match or a kick-off may take its time. */
  readonly headersTimeoutMs?: number;
  /** Between two pieces of a body. */
  readonly idleTimeoutMs?: number;
  readonly userAgent?: string;
  readonly resolveName?: ResolveAll;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The one way out to other payers. Connections are kept per set of names that a payer may be reached by. */
export function createPeerHttp(options: PeerHttpOptions = {}): PeerHttp {
  const agents = new Map<string, Agent>();
  const agentFor = (hosts: AllowedHosts): Agent => {
    const key = hosts.names.join(' ');
    const agent = agents.get(key) ?? createAgent(hosts, options);
    agents.set(key, agent);
    return agent;
  };
  return {
    fetch: async (payer, request) => {
      const hosts = allowedHosts(payer, request.purpose ?? 'fhir');
      const agent = agentFor(hosts);
      const userAgent = options.userAgent ?? 'carryover';
      return follow(request, async (one) => sendOnce(one, hosts, agent, userAgent));
    },
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.close()));
      agents.clear();
    },
  };
}

function createAgent(hosts: AllowedHosts, options: PeerHttpOptions): Agent {
  return new Agent({
    connect: {
      lookup: guardedLookup(hosts.names, options.resolveName),
      timeout: options.connectTimeoutMs ?? 10_000,
    },
    headersTimeout: options.headersTimeoutMs ?? 120_000,
    bodyTimeout: options.idleTimeoutMs ?? 60_000,
  });
}

async function follow(
  first: PeerRequest,
  sendOne: (request: PeerRequest) => Promise<PeerResponse>,
): Promise<PeerResponse> {
  const isTokenRequest = first.purpose === 'authorization' && first.method === 'POST';
  let request = first;
  let withheld: string | undefined;
  for (let redirects = isTokenRequest ? MAX_REDIRECTS : 0; ; redirects++) {
    let response = await sendOne(request);
    if (response.status === 401 && withheld !== undefined) {
      // An allowed host that is no object store after all: it wants the token that it was spared.
      await response.body.dump();
      request = { ...request, bearer: withheld };
      withheld = undefined;
      response = await sendOne(request);
    }
    const location = REDIRECTS.has(response.status) ? response.header('location') : undefined;
    if (location === undefined) return response;
    await response.body.dump();
    if (redirects === MAX_REDIRECTS) throw new ExchangeError('peer-invalid', { detail: 'too many redirects' });
    const next = redirected(request, response, location);
    if (next.bearer === undefined) withheld ??= request.bearer;
    request = next;
  }
}

function redirected(request: PeerRequest, response: PeerResponse, location: string): PeerRequest {
  if (!URL.canParse(location, response.url)) {
    throw new ExchangeError('peer-invalid', { detail: 'a redirect leads to no URL' });
  }
  const url = new URL(location, response.url);
  const isSameOrigin = url.origin === new URL(response.url).origin;
  const target = { ...request, url: url.href, ...(!isSameOrigin && { bearer: undefined }) };
  // 301 and 302 keep the method here: no FHIR operation means its POST to become a GET.
  return response.status === 303 ? { ...target, method: 'GET', body: undefined } : target;
}

async function sendOnce(
  request: PeerRequest,
  hosts: AllowedHosts,
  agent: Agent,
  userAgent: string,
): Promise<PeerResponse> {
  const url = new URL(request.url);
  hosts.assert(url);
  const { method, body, bearer, signal } = request;
  signal?.throwIfAborted();
  const headers = {
    'user-agent': userAgent,
    ...request.headers,
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  };
  try {
    const answer = await send(url, { dispatcher: agent, method, headers, body: body ?? null, signal: signal ?? null });
    return {
      status: answer.statusCode,
      url: url.href,
      header: (name) => headerOf(answer.headers, name),
      body: answer.body,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError(error, url);
  }
}

function headerOf(headers: Dispatcher.ResponseData['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function networkError(error: unknown, url: URL): ExchangeError {
  const detail = `${url.host}: ${codeOf(error) ?? 'unknown'}`;
  return exchangeErrorIn(error) ?? new ExchangeError('peer-unreachable', { detail, cause: error });
}
