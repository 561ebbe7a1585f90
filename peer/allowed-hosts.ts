import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { bareHost } from './address-guard.ts';

/** What a definition says of where its payer is. */
export type PayerReach = Pick<
  OidcServer,
  'fhirEndpoint' | 'allowedHosts' | 'tokenEndpoint' | 'authWellKnown' | 'issuer'
>;

/** `authorization`: discovery and token requests, which may also go to the authorization server that was named. */
export type Purpose = 'fhir' | 'authorization';

interface Place {
  readonly host: string;
  /** Absent: every port. */
  readonly port: string | undefined;
}

export interface AllowedHosts {
  /** Hosts by name or address: the addresses among them may be private. */
  readonly names: readonly string[];
  /** @throws ExchangeError `host-not-allowed` */
  assert(url: URL): void;
}

/**
 * Where requests to a payer may go: the host and port of its endpoint, and the definition's `allowedHosts`.
 * What a peer answers (status URL, files, redirects, discovered endpoints) widens nothing.
 */
export function allowedHosts(payer: PayerReach, purpose: Purpose): AllowedHosts {
  const named = [payer.fhirEndpoint, ...(purpose === 'authorization' ? definedUrls(payer) : [])];
  const places = [...named.map((url) => placeOf(new URL(url))), ...payer.allowedHosts.map(listedPlace)];
  const isSecure = new URL(payer.fhirEndpoint).protocol === 'https:';
  return {
    names: [...new Set(places.map(({ host }) => host))].sort(),
    assert: (url) => {
      const reason = refusalOf(url, places, isSecure);
      if (reason !== undefined) throw new ExchangeError('host-not-allowed', { detail: `${reason}: ${url.host}` });
    },
  };
}

function refusalOf(url: URL, places: readonly Place[], isSecure: boolean): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'not HTTP';
  if (url.protocol === 'http:' && isSecure) return 'not HTTPS, which the endpoint is';
  if (url.username !== '' || url.password !== '') return 'credentials in the URL';
  const { host, port } = placeOf(url);
  const isListed = places.some((place) => place.host === host && (place.port ?? port) === port);
  return isListed ? undefined : 'neither the endpoint nor in allowedHosts';
}

function definedUrls({ issuer, tokenEndpoint, authWellKnown }: PayerReach): readonly string[] {
  return [issuer, tokenEndpoint, authWellKnown].filter((url) => url !== undefined);
}

function placeOf(url: URL): Place {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return { host: bareHost(url.hostname), port };
}

function listedPlace(entry: string): Place {
  const port = /:(\d+)$/.exec(entry)?.[1];
  // The URL parser gives hosts the form that it gives those of the URLs they are compared with.
  return {
    host: bareHost(new URL(`http://${entry}`).hostname),
    port: port === undefined ? undefined : String(Number(port)),
  };
}
