import { lookup as resolve } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { ExchangeError } from '../fhir/errors.ts';

const IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
const IPV6: readonly (readonly [string, number])[] = [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
];
/** Names that no public DNS answers for (RFC 6761, RFC 6762, RFC 8375, and `internal`, which ICANN keeps free). */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|internal|lan|test|home\.arpa)$/i;

const PRIVATE = new BlockList();
for (const [network, prefix] of IPV4) PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of IPV6) PRIVATE.addSubnet(network, prefix, 'ipv6');

/** A host as it stands in a URL, without the brackets of an IPv6 address. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

/** Loopback, private, link-local, multicast or reserved; also in an IPv6 address that holds an IPv4 one. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** A private address, or a name that only a private network has. */
export function isPrivateHost(host: string): boolean {
  return isIP(host) === 0 ? PRIVATE_NAME.test(host) : isPrivateAddress(host);
}

/** Resolves a name to all its addresses. */
export type ResolveAll = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

const resolveAll: ResolveAll = (hostname, callback) => {
  resolve(hostname, { all: true }, callback);
};

/**
 * A `lookup` for sockets that gives out no private address for a public name, so that a partner's DNS cannot point us
 * into our own network. Addresses in `names` are allowed, since the operator wrote them down.
 */
export function guardedLookup(names: readonly string[], resolveName: ResolveAll = resolveAll): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, (error, found) => {
      if (error) {
        callback(error, '');
        return;
      }
      const isFree = PRIVATE_NAME.test(hostname);
      const allowed = found.filter(
        ({ address }) => isFree || !isPrivateAddress(address) || names.includes(address.toLowerCase()),
      );
      const [first] = allowed;
      if (first === undefined) {
        callback(new ExchangeError('host-not-allowed', { detail: `${hostname} resolves to a private address` }), '');
      } else if (options.all) {
        callback(null, [...allowed]);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}
