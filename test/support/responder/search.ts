import type { Call, Reply } from './answers.ts';
import { refuse } from './answers.ts';
import { requireBearer, requireScope } from './bearer.ts';
import { searchEntry } from './bundle-text.ts';
import { at, isRecord, parseJson, textsAt } from './json.ts';
import { answerFirstPage, firstPageFailure, pagesOf, pageSizeOf } from './paging.ts';
import { allLines, checkReadsOffered, idOf, patientText, visibleMembers } from './records.ts';
import { isSearchable, patientParametersOf } from './resource-types.ts';
import type { IssuedToken, Member, State } from './state.ts';

const COMMON = ['_id', 'identifier', '_lastUpdated', '_count', '_format'];

/**
 * `GET [base]/{Type}?patient=…` and the like, or the same by `POST …/_search`. By its patient a resource is found that
 * is exported; by its id also one that is not.
 */
export function answerSearch(state: State, call: Call, type: string): Reply {
  const options = state.behaviour.search;
  if (!options.enabled || !isSearchable(type) || options.types?.includes(type) === false)
    throw refuse(404, 'not-supported', 'no such interaction');
  const token = requireBearer(state, call);
  const failure = firstPageFailure(options);
  if (failure) return failure;
  checkReadsOffered(state);
  requireScope(state, token, type);
  const query = readQuery(call);
  const forPatient = patientParametersOf(type, options.patientParameters);
  for (const name of query.keys()) {
    if (!COMMON.includes(name) && !forPatient.includes(name))
      throw refuse(400, 'not-supported', `${name} is no search parameter of ${type} here`);
  }
  const lines = findLines(state, token, type, query, forPatient).filter((line) => matchesUpdate(line, query));
  const entries = lines.map((line) => searchEntry(state.baseUrl, line, 'match'));
  const pages = pagesOf(entries, pageSizeOf(options, query.get('_count')));
  return answerFirstPage(state, token, { area: 'search', self: call.url.href, total: entries.length, pages });
}

/** @throws Refusal 415 for a body that is no form */
function readQuery(call: Call): URLSearchParams {
  if (call.method !== 'POST') return call.url.searchParams;
  const type = call.request.headers['content-type'] ?? '';
  if (!type.startsWith('application/x-www-form-urlencoded')) throw refuse(415, 'not-supported', 'the body is no form');
  return new URLSearchParams([...call.url.searchParams, ...new URLSearchParams(call.body)]);
}

function findLines(
  state: State,
  token: IssuedToken,
  type: string,
  query: URLSearchParams,
  forPatient: readonly string[],
): string[] {
  const asked = forPatient.flatMap((name) => query.getAll(name));
  const ids = query.has('_id') ? query.getAll('_id').flatMap((value) => value.split(',')) : undefined;
  const identifier = query.get('identifier') ?? undefined;
  if (asked.length === 0 && !ids && identifier === undefined)
    throw refuse(400, 'required', 'neither a patient nor _id nor an identifier is named');
  const members = visibleMembers(state, token).filter((member) =>
    asked.every((value) => value.split(',').some((each) => names(state, each, member))),
  );
  const lines = members.flatMap((member) => linesOf(member, type, asked.length > 0));
  return [...new Set(lines)]
    .filter((line) => !ids || ids.includes(idOf(line) ?? ''))
    .filter((line) => identifier === undefined || carries(line, identifier));
}

/** `system|value`, or a value of any system. */
function carries(line: string, token: string): boolean {
  const bar = token.indexOf('|');
  return at(parseJson(line), 'identifier').some(
    (each) =>
      isRecord(each) &&
      each['value'] === token.slice(bar + 1) &&
      (bar === -1 || each['system'] === token.slice(0, bar)),
  );
}

function linesOf(member: Member, type: string, delivered: boolean): string[] {
  if (type === 'Patient') return [patientText(member) ?? []].flat();
  return delivered ? (member.lines[type] ?? []) : allLines(member, type);
}

function names(state: State, value: string, { patientId }: Member): boolean {
  return [patientId, `Patient/${patientId}`, `${state.baseUrl}/Patient/${patientId}`].includes(value);
}

function matchesUpdate(line: string, query: URLSearchParams): boolean {
  const updated = Date.parse(textsAt(parseJson(line), 'meta.lastUpdated')[0] ?? '');
  return query.getAll('_lastUpdated').every((value) => {
    const [, prefix, instant] = /^(ge|gt|le|lt)(\d{4}.*)$/.exec(value) ?? [];
    const limit = Date.parse(instant ?? '');
    if (prefix === undefined || Number.isNaN(limit)) throw refuse(400, 'invalid', '_lastUpdated is not understood');
    if (Number.isNaN(updated)) return true;
    const sign = Math.sign(updated - limit);
    return prefix.startsWith('g')
      ? sign > 0 || (sign === 0 && prefix === 'ge')
      : sign < 0 || (sign === 0 && prefix === 'le');
  });
}
