import type { Call, Reply } from './answers.ts';
import { operationOutcome, refuse } from './answers.ts';
import { matchedPatients, mayRead, requireBearer, requireScope } from './bearer.ts';
import { outcomeEntry, searchEntry } from './bundle-text.ts';
import { readInstant } from './kick-off-parameters.ts';
import { answerFirstPage, firstPageFailure, pagesOf, pageSizeOf } from './paging.ts';
import { isUpdatedIn } from './records.ts';
import { isShared } from './resource-types.ts';
import type { IssuedToken, Member, State } from './state.ts';

/** `GET [base]/Patient/{id}/$everything`: the Patient first, then its records, then what they share with others. */
export function answerEverything(state: State, call: Call, patientId: string): Reply {
  const options = state.behaviour.everything;
  if (!options.enabled) throw refuse(404, 'not-supported', 'no such operation');
  const token = requireBearer(state, call);
  const failure = firstPageFailure(options);
  if (failure) return failure;
  for (const name of call.url.searchParams.keys()) {
    if (name !== '_format' && !options.supportedParameters.includes(name))
      throw refuse(400, 'not-supported', `${name} is not supported`);
  }
  requireScope(state, token, 'Patient');
  const member = state.members.get(patientId);
  if (!member) throw refuse(404, 'not-found', 'no such patient');
  if (!matchedPatients(state, token).has(patientId))
    throw refuse(403, 'forbidden', 'the patient was not matched by this client');
  const pages = layPages(state, call, linesOf(state, call, token, member));
  return answerFirstPage(state, token, { area: 'everything', self: call.url.href, total: undefined, pages });
}

interface Found {
  own: string[];
  shared: string[];
}

function linesOf(state: State, call: Call, token: IssuedToken, member: Member): Found {
  const query = call.url.searchParams;
  const since = readInstant('_since', query.has('_since') ? query.getAll('_since') : undefined);
  const types = query.has('_type') ? query.getAll('_type').flatMap((value) => value.split(',')) : undefined;
  const found: Found = { own: [], shared: [] };
  for (const type of ['Patient', ...Object.keys(member.lines).filter((name) => name !== 'Patient')]) {
    if (types?.includes(type) === false || !mayRead(state, token, type)) continue;
    const lines = (member.lines[type] ?? []).filter((line) => isUpdatedIn(line, { since, until: undefined }));
    (isShared(type) ? found.shared : found.own).push(...lines);
  }
  return found;
}

function layPages(state: State, call: Call, found: Found): string[][] {
  const options = state.behaviour.everything;
  const size = pageSizeOf(options, call.url.searchParams.get('_count'));
  const own = found.own.map((line) => searchEntry(state.baseUrl, line, 'match'));
  const shared = found.shared.map((line) => searchEntry(state.baseUrl, line, 'include'));
  const pages = options.repeatShared
    ? pagesOf(own, size).map((page) => [...page, ...shared])
    : pagesOf([...own, ...shared], size);
  if (options.outcomeEntry) {
    const issue = { severity: 'information', code: 'informational', diagnostics: 'nothing was held back' } as const;
    pages.at(-1)?.push(outcomeEntry(operationOutcome([issue])));
  }
  return pages;
}
