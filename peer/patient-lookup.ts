import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import { readJson, readRefusal, refusalError } from './answer.ts';
import { sendAuthorized } from './authorized.ts';
import type { PeerConnection } from './authorized.ts';
import { fhirBase } from './discovery.ts';
import type { PeerResponse } from './http.ts';

export interface LookupIdentifier {
  readonly system?: string;
  readonly value: string;
}

const patient = z.looseObject({
  resourceType: z.literal('Patient'),
  id: z.string(),
  identifier: z.array(z.looseObject({ system: z.string().optional(), value: z.string().optional() })).optional(),
});
const bundle = z.looseObject({
  resourceType: z.literal('Bundle'),
  entry: z.array(z.looseObject({ resource: z.unknown() })).optional(),
});

/** Statuses of servers that search by GET alone. */
const NO_POST: ReadonlySet<number> = new Set([400, 403, 404, 405, 415, 501]);

export interface FoundPatient {
  readonly id: string;
  /** How the payer was asked: by POST where it takes that. */
  readonly method: 'POST' | 'GET';
}

/**
 * The one Patient that has an identifier. Searched by POST first: an identifier in a URL ends in logs.
 * @throws ExchangeError `member-not-matched`, `member-ambiguous`; `peer-refused` and the rest of an answer's errors
 */
export async function findPatient(connection: PeerConnection, identifier: LookupIdentifier): Promise<FoundPatient> {
  const { system, value } = identifier;
  const token = system === undefined ? escaped(value) : `${escaped(system)}|${escaped(value)}`;
  const { response, method } = await search(connection, new URLSearchParams({ identifier: token }));
  if (response.status !== 200) throw refusalError(await readRefusal(response, connection.now()));
  const { body } = await readJson(response);
  const read = bundle.safeParse(body);
  if (!read.success) throw new ExchangeError('peer-invalid', { detail: 'the answer to a search is no Bundle' });
  const patients = (read.data.entry ?? []).flatMap(({ resource }) => patient.safeParse(resource).data ?? []);
  // A server that does not know the parameter may answer with everybody.
  const meant = patients.filter((one) => (one.identifier ?? []).some((held) => isSame(held, identifier)));
  const [id, ...others] = [...new Set(meant.map((one) => one.id))];
  if (id === undefined) throw new ExchangeError('member-not-matched', { detail: 'no Patient has the identifier' });
  if (others.length > 0)
    throw new ExchangeError('member-ambiguous', { detail: 'several Patients have the identifier' });
  return { id, method };
}

async function search(
  connection: PeerConnection,
  query: URLSearchParams,
): Promise<{ readonly response: PeerResponse; readonly method: FoundPatient['method'] }> {
  const base = `${fhirBase(connection.payer)}/Patient`;
  const accept = 'application/fhir+json';
  const headers = { accept, 'content-type': 'application/x-www-form-urlencoded' };
  const posted = await sendAuthorized(connection, {
    method: 'POST',
    url: `${base}/_search`,
    headers,
    body: query.toString(),
  });
  if (!NO_POST.has(posted.status)) return { response: posted, method: 'POST' };
  await posted.body.dump();
  const url = `${base}?${query.toString()}`;
  return { response: await sendAuthorized(connection, { method: 'GET', url, headers: { accept } }), method: 'GET' };
}

function isSame(held: { system?: string | undefined; value?: string | undefined }, wanted: LookupIdentifier): boolean {
  return held.value === wanted.value && (wanted.system === undefined || held.system === wanted.system);
}

/** http://hl7.org/fhir/R4/search.html#escaping */
function escaped(text: string): string {
  return text.replace(/[\\|,$]/g, '\\$&');
}
