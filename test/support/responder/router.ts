import type { Call, Reply } from './answers.ts';
import { refuse } from './answers.ts';
import { answerCapabilityStatement, answerSmartConfiguration } from './discovery.ts';
import { answerFile } from './files.ts';
import { answerKickOff, STATUS_PATH } from './kick-off.ts';
import { answerMemberMatch } from './member-match.ts';
import { answerPatientSearch, answerRead } from './reads.ts';
import type { State } from './state.ts';
import { answerStatus, FILES_PATH } from './status.ts';
import { answerToken } from './token-endpoint.ts';

export const TOKEN_PATH = '/oauth/connect/token';

/** @throws Refusal */
export async function route(state: State, call: Call): Promise<Reply> {
  const path = call.url.pathname;
  if (path === TOKEN_PATH) {
    allow(call, 'POST');
    return answerToken(state, call);
  }
  if (path === STATUS_PATH) return answerStatus(state, call);
  if (path.startsWith(FILES_PATH)) return answerFile(state, call);
  if (path.startsWith(`${state.basePath}/`)) return routeFhir(state, call, path.slice(state.basePath.length + 1));
  throw refuse(404, 'not-found', 'nothing here');
}

function routeFhir(state: State, call: Call, path: string): Reply {
  switch (path) {
    case '.well-known/smart-configuration':
      allow(call, 'GET');
      return answerSmartConfiguration(state);
    case 'metadata':
      allow(call, 'GET');
      return answerCapabilityStatement(state);
    case 'Patient/$member-match':
      allow(call, 'POST');
      return answerMemberMatch(state, call);
    case 'Patient/$export':
      allow(call, 'GET', 'POST');
      return answerKickOff(state, call);
    case 'Patient':
      allow(call, 'GET');
      return answerPatientSearch(state, call);
    case 'Patient/_search':
      allow(call, 'POST');
      return answerPatientSearch(state, call);
    default:
      return routeInstance(state, call, path);
  }
}

function routeInstance(state: State, call: Call, path: string): Reply {
  const [, type, id, operation] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/(\$export))?$/.exec(path) ?? [];
  if (type === undefined || id === undefined) throw refuse(404, 'not-supported', 'no such interaction');
  if (operation === undefined) {
    allow(call, 'GET');
    return answerRead(state, call, type, id);
  }
  if (type !== 'Patient') throw refuse(404, 'not-supported', 'no such operation');
  allow(call, 'GET', 'POST');
  return answerKickOff(state, call, id);
}

function allow(call: Call, ...methods: string[]): void {
  if (!methods.includes(call.method))
    throw refuse(405, 'not-supported', 'method not allowed', { allow: methods.join(', ') });
}
