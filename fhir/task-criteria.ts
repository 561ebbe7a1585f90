/** `Subscription.criteria`: a search on Task, asked of one Task at a time. */
import { ADD_PAYER_CODE } from './add-payer-task.ts';
import { ExchangeError } from './errors.ts';
import { HREX_TEMP, INTERNAL_CODES } from './task.ts';
import type { TaskState } from './task.ts';

const TASK_STATUS = 'http://hl7.org/fhir/task-status';

interface Token {
  readonly system: string;
  readonly code: string;
}

const tokenOf =
  (system: string | undefined, code: (task: TaskState) => string) =>
  (task: TaskState): Token => ({
    system: system ?? (task.code === ADD_PAYER_CODE ? INTERNAL_CODES : HREX_TEMP),
    code: code(task),
  });

/** What each parameter looks at. */
const TOKENS: Readonly<Record<string, (task: TaskState) => Token>> = {
  _id: tokenOf('', ({ id }) => id),
  status: tokenOf(TASK_STATUS, ({ status }) => status),
  code: tokenOf(undefined, ({ code }) => code),
  'business-status': tokenOf(INTERNAL_CODES, ({ businessStatus }) => businessStatus),
};
const REFERENCES: Readonly<Record<string, (task: TaskState) => string>> = {
  patient: ({ patientId }) => `Patient/${patientId}`,
  subject: ({ patientId }) => `Patient/${patientId}`,
  owner: ({ ownerId }) => `Organization/${ownerId ?? ''}`,
};
const KNOWN = [...Object.keys(TOKENS), ...Object.keys(REFERENCES)];

export type TaskCriteria = (task: TaskState) => boolean;

/** @throws ExchangeError `request-unprocessable` naming what of the criteria is not supported */
export function readTaskCriteria(criteria: string): TaskCriteria {
  const [type, query, ...more] = criteria.split('?');
  if (type !== 'Task' || more.length > 0) return refuse('Task?<parameters> is expected.');
  const conditions = [...new URLSearchParams(query ?? '')].map(([name, value]) => conditionOf(name, value));
  return (task) => conditions.every((holds) => holds(task));
}

function conditionOf(name: string, value: string): TaskCriteria {
  const values = value.split(',');
  if (values.some((each) => each === '')) refuse(`${name}: a value is expected.`);
  const token = Object.hasOwn(TOKENS, name) ? TOKENS[name] : undefined;
  if (token !== undefined) return (task) => values.some((each) => isToken(each, token(task)));
  const reference = Object.hasOwn(REFERENCES, name) ? REFERENCES[name] : undefined;
  if (reference === undefined) return refuse(`${name} is not supported. Supported: ${KNOWN.join(', ')}.`);
  return (task) => values.some((each) => [each, `Patient/${each}`, `Organization/${each}`].includes(reference(task)));
}

/** https://hl7.org/fhir/R4/search.html#token: `code`, `system|code`, `system|`. */
function isToken(asked: string, { system, code }: Token): boolean {
  const bar = asked.lastIndexOf('|');
  if (bar === -1) return asked === code;
  return asked.slice(0, bar) === system && [code, ''].includes(asked.slice(bar + 1));
}

function refuse(diagnostics: string): never {
  throw new ExchangeError('request-unprocessable', { expression: 'Subscription.criteria', diagnostics });
}
