import { Agent, request as send } from 'undici';
import { ExchangeError } from '../fhir/errors.ts';
import { bareHost, guardedLookup, isPrivateHost } from './address-guard.ts';
import type { ResolveAll } from './address-guard.ts';
import { exchangeErrorIn } from './peer-error.ts';

export interface HookRequest {
  /** Absolute. */
  readonly url: string;
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/** The way out to receivers of events, which a Subscription names. */
export interface RestHook {
  /**
   * Answers the status; redirects are not followed.
   * @throws ExchangeError `notification-refused` where the address is not allowed, `notification-failed` without an answer
   */
  send(request: HookRequest): Promise<number>;
  /** @throws ExchangeError `notification-refused` as `send`, as far as the URL says */
  assert(url: string): void;
  close(): Promise<void>;
}

export interface RestHookOptions {
  /** `host:port` that may be private and may be asked without TLS: our own port, and those that the operator lists. */
  readonly privateHosts: readonly string[];
  readonly timeoutMs?: number;
  readonly resolveName?: ResolveAll;
}

const refused = (detail: string): ExchangeError => new ExchangeError('notification-refused', { detail });

export function createRestHook({ privateHosts, timeoutMs = 30_000, resolveName }: RestHookOptions): RestHook {
  const listed = privateHosts.map((entry) => placeOf(new URL(`http://${entry}`)));
  const names = listed.map((place) => place.slice(0, place.lastIndexOf(':')));
  const agents = [names, []].map(
    (allowed) =>
      new Agent({
        connect: { lookup: guardedLookup(allowed, resolveName), timeout: timeoutMs },
        ...{ headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
      }),
  );
  const [listedAgent, publicAgent] = agents;
  const isListed = (url: URL): boolean => listed.includes(placeOf(url));
  const assert = (text: string): void => {
    const url = new URL(text);
    if (isListed(url)) return;
    if (url.protocol !== 'https:') throw refused('not HTTPS, nor listed');
    if (isPrivateHost(bareHost(url.hostname))) throw refused('a private address that is not listed');
  };
  return {
    assert,
    async send({ url, method, headers, body, signal }) {
      assert(url);
      signal.throwIfAborted();
      const dispatcher = isListed(new URL(url)) ? listedAgent : publicAgent;
      try {
        const answer = await send(url, {
          method,
          headers,
          body: body ?? null,
          signal,
          ...(dispatcher && { dispatcher }),
        });
        await answer.body.dump();
        return answer.statusCode;
      } catch (error) {
        signal.throwIfAborted();
        if (exchangeErrorIn(error)?.code === 'host-not-allowed')
          throw refused('the name resolves to a private address');
        throw new ExchangeError('notification-failed', { cause: error });
      }
    },
    async close() {
      await Promise.all(agents.map((agent) => agent.close()));
    },
  };
}

function placeOf({ hostname, port, protocol }: URL): string {
  return `${bareHost(hostname)}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}
