/** Subscription (R4) on Task, with the channel `rest-hook`. */
import { ExchangeError } from './errors.ts';
import { applyEdits, changeProperties, jsonProperty, replaceValue } from './json-edits.ts';
import { duplicateKey, objectAt, propertyOf, rootStart } from './json-text.ts';
import { isRecord } from './parameters.ts';
import { withId, withStoredMeta } from './stored-text.ts';
import { readTaskCriteria } from './task-criteria.ts';

export const SUBSCRIPTION_PAYLOAD = 'application/fhir+json';
/** What is shown in the place of a header's value, which nobody is told. */
export const HIDDEN_HEADER = '********';

export interface SubscriptionRequest {
  readonly status: 'active' | 'off';
  readonly criteria: string;
  readonly endpoint: string;
  /** Events carry the Task; else they are empty. */
  readonly hasPayload: boolean;
  /** `Name: value`, as posted. */
  readonly headers: readonly string[];
  readonly end: string | undefined;
}

export interface SubscriptionState {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly lastUpdated: string;
}

const DELIVERY_FAILED = 'The last event could not be delivered; see the notifications of the P2P API.';
/** RFC 9110, 5.6.2 and 5.5: nothing that would end the line. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([\x20-\x7e]*)$/;
/** Those that say what is sent, and how. */
const OUR_HEADERS: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'upgrade'],
  ...['te', 'trailer', 'expect', 'keep-alive', 'proxy-connection'],
]);

const refuse = (expression: string, diagnostics: string): never => {
  throw new ExchangeError('request-unprocessable', { expression, diagnostics });
};

/**
 * Reads what is posted or put.
 * @throws ExchangeError `request-invalid` for what is no Subscription, `request-unprocessable` naming the element
 */
export function readSubscription(text: string): SubscriptionRequest {
  const subscription = parsed(text);
  const { status, reason, criteria, channel, end } = subscription;
  if (typeof reason !== 'string' || reason === '') refuse('Subscription.reason', 'A text is expected.');
  if (typeof criteria !== 'string') return refuse('Subscription.criteria', 'Task?<parameters> is expected.');
  readTaskCriteria(criteria);
  if (!isRecord(channel)) return refuse('Subscription.channel', 'A channel is expected.');
  if (end !== undefined && (typeof end !== 'string' || Number.isNaN(Date.parse(end)))) {
    refuse('Subscription.end', 'An instant is expected.');
  }
  return {
    ...{ criteria, status: statusOf(status), ...channelOf(channel) },
    end: typeof end === 'string' ? end : undefined,
  };
}

function channelOf(
  channel: Readonly<Record<string, unknown>>,
): Pick<SubscriptionRequest, 'endpoint' | 'hasPayload' | 'headers'> {
  const { type, endpoint, payload, header = [] } = channel;
  if (type !== 'rest-hook') refuse('Subscription.channel.type', 'Accepted: rest-hook.');
  if (payload !== undefined && payload !== '' && payload !== SUBSCRIPTION_PAYLOAD) {
    refuse('Subscription.channel.payload', `Accepted: ${SUBSCRIPTION_PAYLOAD}; or none, for events without the Task.`);
  }
  const isList = Array.isArray(header) && header.every((each) => typeof each === 'string');
  if (!isList) return refuse('Subscription.channel.header', 'A list of texts is expected.');
  header.forEach((each: string, index) => {
    const [, name = ''] = HEADER.exec(each) ?? [];
    if (name === '' || OUR_HEADERS.has(name.toLowerCase())) {
      refuse(`Subscription.channel.header[${index}]`, 'A line <name>: <value> is expected, of a header that is free.');
    }
  });
  return { endpoint: endpointOf(endpoint), hasPayload: payload === SUBSCRIPTION_PAYLOAD, headers: header };
}

function endpointOf(endpoint: unknown): string {
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.hash === '';
  if (typeof endpoint === 'string' && url !== undefined && isPlain && /^https?:$/.test(url.protocol)) return endpoint;
  return refuse('Subscription.channel.endpoint', 'An http or https URL without credentials and fragment is expected.');
}

/** Name, in lower case, and value. */
export function headerOf(line: string): readonly [string, string] {
  const [, name = '', value = ''] = HEADER.exec(line) ?? [];
  return [name.toLowerCase(), value];
}

/** A client asks for `requested` or `off` (R4, Subscription.status); one that puts back what it read says `active`. */
function statusOf(status: unknown): SubscriptionRequest['status'] {
  if (status === 'requested' || status === 'active') return 'active';
  return status === 'off' ? 'off' : refuse('Subscription.status', 'Accepted: requested, off.');
}

/** The Subscription as its reader sees it: values of headers are hidden. */
export function subscriptionText(posted: string, { id, version, status, lastUpdated }: SubscriptionState): string {
  const hidden = withHeaders(posted, (line) => `${line.slice(0, line.indexOf(':'))}: ${HIDDEN_HEADER}`);
  const stored = withStoredMeta(withId(hidden, id), { versionId: String(version), lastUpdated });
  const root = objectAt(stored, rootStart(stored));
  const printed = [
    jsonProperty('status', JSON.stringify(status)),
    ...(status === 'error' ? [jsonProperty('error', JSON.stringify(DELIVERY_FAILED))] : []),
  ];
  return applyEdits(stored, changeProperties(root, ['status', 'error'], printed));
}

/**
 * What was put, with the values of the headers that came back hidden taken from what was stored.
 * @throws ExchangeError `request-unprocessable` where there is no such header
 */
export function withKeptHeaders(put: string, stored: string | undefined): string {
  const kept = new Map(stored === undefined ? [] : readSubscription(stored).headers.map((line) => [...headerOf(line)]));
  return withHeaders(put, (line) => {
    const [name, value] = headerOf(line);
    if (value !== HIDDEN_HEADER) return line;
    const former = kept.get(name) ?? refuse('Subscription.channel.header', `The value of ${name} is expected.`);
    return `${line.slice(0, line.indexOf(':'))}: ${former}`;
  });
}

function withHeaders(text: string, change: (line: string) => string): string {
  const channel = propertyOf(objectAt(text, rootStart(text)), 'channel');
  const header = channel && propertyOf(objectAt(text, channel.valueStart), 'header');
  if (header === undefined) return text;
  const lines = JSON.parse(text.slice(header.valueStart, header.valueEnd)) as readonly string[];
  return applyEdits(text, [replaceValue(header, JSON.stringify(lines.map(change)))]);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const isOne = isRecord(value) && value['resourceType'] === 'Subscription';
  if (isRecord(value) && isOne && !hasDuplicates(text)) return value;
  throw new ExchangeError('request-invalid', {
    expression: 'Subscription',
    diagnostics: 'The body is one Subscription in JSON.',
  });
}

/** Of a key that stands twice one reader takes the first, another the last. */
function hasDuplicates(text: string): boolean {
  const root = objectAt(text, rootStart(text));
  const channel = propertyOf(root, 'channel');
  const inner =
    channel && text[channel.valueStart] === '{' ? duplicateKey(objectAt(text, channel.valueStart)) : undefined;
  return duplicateKey(root) !== undefined || inner !== undefined;
}
