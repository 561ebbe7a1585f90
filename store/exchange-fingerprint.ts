import { createHash } from 'node:crypto';
import type { OpenExchange } from './exchanges.ts';

/** Same request: the same posted content, whatever the order of its keys, for the same member and payer. */
export function fingerprintOf(exchange: OpenExchange): string {
  const { payerPid, localPatientId, request } = exchange;
  const { asked, access, targetOrganizationId } = request;
  const special = [asked, access, targetOrganizationId].some((each) => each !== undefined)
    ? [{ asked, access, targetOrganizationId }]
    : [];
  const parts = [request.matchParameters ?? null, request.member ?? null, ...request.exportEntries, ...special];
  const content = parts.map((part) => sortedJson(typeof part === 'string' ? (JSON.parse(part) as unknown) : part));
  return createHash('sha256')
    .update(JSON.stringify([payerPid, localPatientId, content]))
    .digest('hex');
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
