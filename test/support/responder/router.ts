import type { Call, Reply } from './answers.ts';
import { refuse } from './answers.ts';
import { answerBatch } from './batch.ts';
import { answerCapabilityStatement, answerSmartConfiguration } from './discovery.ts';
import { answerEverything } from './everything.ts';
import { FILES_PATH } from './file-links.ts';
import { answerFile } from './files.ts';
import { answerGroupSearch } from './groups.ts';
import { answerKickOff, STATUS_PATH } from './kick-off.ts';
import { answerMemberMatch } from './member-match.ts';
import { answerNextPage, PAGE_PARAMETER } from './paging.ts';
import { answerAttachment, answerPatientSearch, answerRead, ATTACHMENTS_PATH } from './reads.ts';
import { answerSearch } from './search.ts';
import type { State } from './state.ts';
import { answerStatus, MOVED_STATUS_PATH } from './status.ts';
import { answerToken } from './token-endpoint.ts';

export const TOKEN_PATH = '/oauth/connect/token';

/** @throws Refusal */
export async function route(state: State, call: Call): Promise<Reply> {
  const path = call.url.pathname;
  if (path === TOKEN_PATH) {
    allow(call, 'POST');
    return answerToken(state, call);
  }
  if (path === STATUS_PATH || path === MOVED_STATUS_PATH) return answerStatus(state, call);
  if (path.startsWith(FILES_PATH)) return answerFile(state, call);
  if (path.startsWith(ATTACHMENTS_PATH)) {
    allow(call, 'GET');
    return answerAttachment(state, call);
  }
  if (path === state.basePath || path === `${state.basePath}/`) return routeBase(state, call);
  if (path.startsWith(`${state.basePath}/`)) return routeFhir(state, call, path.slice(state.basePath.length + 1));
  throw refuse(404, 'not-found', 'nothing here');
}

function routeBase(state: State, call: Call): Reply {
  if (call.method === 'POST') return answerBatch(state, call);
  if (!call.url.searchParams.has(PAGE_PARAMETER)) throw refuse(404, 'not-found', 'nothing here');
  allow(call, 'GET');
  return answerNextPage(state, call);
}

function routeFhir(state: State, call: Call, path: string): Reply {
  if (path === state.behaviour.match.path) {
    allow(call, 'POST');
    return answerMemberMatch(state, call);
  }
  switch (path) {
    case '.well-known/smart-configuration':
      allow(call, 'GET');
      return answerSmartConfiguration(state);
    case 'metadata':
      allow(call, 'GET');
      return answerCapabilityStatement(state);
    case 'Patient/$export':
      allow(call, 'GET', 'POST');
      return answerKickOff(state, call, { level: 'type' });
    case '$export':
      allow(call, 'GET', 'POST');
      return answerKickOff(state, call, { level: 'system' });
    default:
      return routeType(state, call, path);
  }
}

function routeType(state: State, call: Call, path: string): Reply {
  const [, type, search] = /^([A-Z][A-Za-z]+)(\/_search)?$/.exec(path) ?? [];
  if (type === undefined) return routeInstance(state, call, path);
  allow(call, search === undefined ? 'GET' : 'POST');
  if (type === 'Group' && state.behaviour.kickOff.groups) return answerGroupSearch(state, call);
  if (type !== 'Patient') return answerSearch(state, call, type);
  const byId = call.url.searchParams.has('_id') || new URLSearchParams(call.body).has('_id');
  return byId && state.behaviour.search.enabled ? answerSearch(state, call, type) : answerPatientSearch(state, call);
}

function routeInstance(state: State, call: Call, path: string): Reply {
  const [, type, id, operation] =
    /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/\$(export|everything))?$/.exec(path) ?? [];
  if (type === undefined || id === undefined) throw refuse(404, 'not-supported', 'no such interaction');
  if (operation === undefined) {
    allow(call, 'GET');
    return answerRead(state, call, type, id);
  }
  if (operation === 'everything' && type === 'Patient') {
    allow(call, 'GET');
    return answerEverything(state, call, id);
  }
  if (operation === 'everything' || (type !== 'Patient' && type !== 'Group'))
    throw refuse(404, 'not-supported', 'no such operation');
  allow(call, 'GET', 'POST');
  return answerKickOff(state, call, { level: type === 'Patient' ? 'patient' : 'group', id });
}

function allow(call: Call, ...methods: string[]): void {
  if (!methods.includes(call.method))
    throw refuse(405, 'not-supported', 'method not allowed', { allow: methods.join(', ') });
}
