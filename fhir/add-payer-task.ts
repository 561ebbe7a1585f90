/** The member's request to have a payer added: a Task that is posted, unlike those that mirror exchanges. */
import { ExchangeError } from './errors.ts';
import { applyEdits, changeProperties, jsonProperty } from './json-edits.ts';
import { duplicateKey, objectAt, rootStart } from './json-text.ts';
import { isRecord } from './parameters.ts';
import { withId, withStoredMeta } from './stored-text.ts';
import { INTERNAL_CODES } from './task.ts';
import type { TaskState } from './task.ts';

export const ADD_PAYER_CODE = 'p2p-request-add-provider-id';

/** Inputs that the vendor publishes; a request may hold others. */
export const ADD_PAYER_INPUTS = [
  'requester-first-name',
  'requester-last-name',
  'new-payer-name',
  'requester-email',
  'requester-phone',
] as const;
export type AddPayerInput = (typeof ADD_PAYER_INPUTS)[number];

/** Without them nobody could tell who asks for what. */
const NEEDED: readonly AddPayerInput[] = ['requester-first-name', 'requester-last-name', 'new-payer-name'];

const INTENTS = [
  ...['unknown', 'proposal', 'plan', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order'],
  'option',
];

/** Where a request may go from each state (a part of R4's Task state machine); from the others it goes nowhere. */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  requested: ['received', 'accepted', 'rejected', 'in-progress', 'completed', 'failed', 'cancelled'],
  received: ['accepted', 'rejected', 'in-progress', 'completed', 'failed', 'cancelled'],
  accepted: ['in-progress', 'completed', 'failed', 'cancelled'],
  'in-progress': ['completed', 'failed', 'cancelled'],
};
const STATES: ReadonlySet<string> = new Set(['requested', ...Object.values(TRANSITIONS).flat()]);

export interface AddPayerRequest {
  readonly status: string;
  /** `<Patient>-<Organization>-<creation time>`. */
  readonly identifier: string;
  readonly patientId: string;
  readonly ownerId: string;
  readonly inputs: Readonly<Partial<Record<AddPayerInput, string>>>;
}

const refuse = (expression: string, diagnostics: string): never => {
  throw new ExchangeError('request-unprocessable', { expression, diagnostics });
};

/**
 * Reads a Task of this code. Its published example has placeholders in the place of ids, times and addresses, so these
 * are not looked into.
 * @throws ExchangeError `request-invalid` for what is no Task, `request-unprocessable` naming the element at fault
 */
export function readAddPayerTask(text: string): AddPayerRequest {
  const task = readTask(text);
  if (!codesOf(task['code']).includes(ADD_PAYER_CODE)) {
    refuse('Task.code', `A Task with the code ${ADD_PAYER_CODE} of ${INTERNAL_CODES} can be posted, and no other.`);
  }
  const { status, intent } = task;
  if (typeof status !== 'string' || !STATES.has(status)) {
    return refuse('Task.status', `Accepted: ${[...STATES].join(', ')}.`);
  }
  if (typeof intent !== 'string' || !INTENTS.includes(intent))
    refuse('Task.intent', `Accepted: ${INTENTS.join(', ')}.`);
  const patientId = referenced(task, 'requester', 'Patient');
  const ownerId = referenced(task, 'owner', 'Organization');
  return {
    ...{ status, patientId, ownerId },
    identifier: identifierOf(task, `${patientId}-${ownerId}-`),
    inputs: inputsOf(task),
  };
}

/** @throws ExchangeError `conflict` where the state does not lead there */
export function assertTransition(from: string, to: string): void {
  const next = TRANSITIONS[from] ?? [];
  if (next.includes(to) || (from === to && next.length > 0)) return;
  throw new ExchangeError('conflict', {
    expression: 'Task.status',
    diagnostics: next.length > 0 ? `From ${from} to: ${next.join(', ')}.` : `The Task is ${from}, which is an end.`,
  });
}

/** The Task as it was posted, with what this server says of it. */
export function addPayerTaskText(posted: string, state: TaskState): string {
  const { id, version, status, lastModified } = state;
  const stored = withStoredMeta(withId(posted, id), { versionId: String(version), lastUpdated: lastModified });
  const root = objectAt(stored, rootStart(stored));
  const values = { status, lastModified };
  const printed = Object.entries(values).map(([key, value]) => jsonProperty(key, JSON.stringify(value)));
  return applyEdits(stored, changeProperties(root, Object.keys(values), printed));
}

function readTask(text: string): Readonly<Record<string, unknown>> {
  let task: unknown;
  try {
    task = JSON.parse(text);
  } catch {
    task = undefined;
  }
  const isTask = isRecord(task) && task['resourceType'] === 'Task';
  if (!isRecord(task) || !isTask || duplicateKey(objectAt(text, rootStart(text))) !== undefined) {
    throw new ExchangeError('request-invalid', { expression: 'Task', diagnostics: 'The body is one Task in JSON.' });
  }
  return task;
}

/** Codes of ours in a CodeableConcept. */
function codesOf(concept: unknown): readonly string[] {
  const codings: unknown = isRecord(concept) ? concept['coding'] : undefined;
  if (!Array.isArray(codings)) return [];
  return codings.flatMap((coding: unknown) =>
    isRecord(coding) && coding['system'] === INTERNAL_CODES && typeof coding['code'] === 'string'
      ? [coding['code']]
      : [],
  );
}

function referenced(task: Readonly<Record<string, unknown>>, name: string, type: string): string {
  const element = task[name];
  const reference = isRecord(element) ? element['reference'] : undefined;
  const [, id] = new RegExp(`^${type}/([^/]+)$`).exec(typeof reference === 'string' ? reference : '') ?? [];
  return id ?? refuse(`Task.${name}.reference`, `A reference ${type}/<id> is expected.`);
}

function identifierOf(task: Readonly<Record<string, unknown>>, prefix: string): string {
  const list: unknown = task['identifier'];
  const values = (Array.isArray(list) ? list : []).flatMap((each: unknown) =>
    isRecord(each) && each['system'] === INTERNAL_CODES && typeof each['value'] === 'string' ? [each['value']] : [],
  );
  const [value] = values;
  if (values.length === 1 && value !== undefined && value.startsWith(prefix) && value.length > prefix.length) {
    return value;
  }
  return refuse(
    'Task.identifier',
    `One identifier of ${INTERNAL_CODES} with the value <Patient>-<Organization>-<creation time> is expected.`,
  );
}

function inputsOf(task: Readonly<Record<string, unknown>>): AddPayerRequest['inputs'] {
  const list: unknown = task['input'] ?? [];
  if (!Array.isArray(list)) return refuse('Task.input', 'An array is expected.');
  const inputs: Partial<Record<AddPayerInput, string>> = {};
  list.forEach((input: unknown, index) => {
    const codes = isRecord(input) ? codesOf(input['type']) : [];
    const name = ADD_PAYER_INPUTS.find((known) => codes.includes(known));
    if (name === undefined || !isRecord(input)) return;
    const value = input['valueString'];
    if (inputs[name] !== undefined) refuse(`Task.input[${index}].type`, `${name} occurs once.`);
    if (typeof value !== 'string' || value.trim() === '') {
      refuse(`Task.input[${index}].valueString`, `A text is expected of ${name}.`);
    } else {
      inputs[name] = value;
    }
  });
  for (const name of NEEDED) {
    if (inputs[name] === undefined) refuse('Task.input', `An input ${name} is expected.`);
  }
  return inputs;
}
