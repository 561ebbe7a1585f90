import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Failure, OutcomeIssue, RetryAfter } from './failures.ts';
import { isRecord, parseJson } from './json.ts';

/** One request in progress. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: 'main' | 'other';
  readonly method: string;
  readonly url: URL;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** `handled`: the response was written by the handler itself. */
export type Reply = Answer | 'disconnect' | 'handled';

/** Ends the handling of a request with an answer. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`answered ${answer.status}`);
    this.answer = answer;
  }
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
  contentType = 'application/json',
): Answer {
  return { status, headers: { 'content-type': contentType, ...headers }, body: JSON.stringify(value) };
}

export function fhirAnswer(status: number, resource: unknown, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(status, resource, headers, 'application/fhir+json; charset=utf-8');
}

/** A resource that is text already. */
export function fhirText(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'application/fhir+json; charset=utf-8' }, body };
}

export function operationOutcome(issues: readonly OutcomeIssue[]): unknown {
  return { resourceType: 'OperationOutcome', issue: issues };
}

export function refuse(
  status: number,
  code: string,
  diagnostics: string,
  headers: Record<string, string> = {},
): Refusal {
  return new Refusal(fhirAnswer(status, operationOutcome([{ severity: 'error', code, diagnostics }]), headers));
}

/** @throws Refusal 415 or 400 for a body that is no such resource */
export function readResource(call: Call, resourceType: string): Record<string, unknown> {
  const type = call.request.headers['content-type'] ?? '';
  if (!/^application\/(fhir\+)?json\b/i.test(type)) throw refuse(415, 'not-supported', 'the body is not FHIR JSON');
  const resource = parseJson(call.body);
  if (!isRecord(resource) || resource['resourceType'] !== resourceType)
    throw refuse(400, 'invalid', `the body is no ${resourceType} resource`);
  return resource;
}

export function retryAfterHeader(value: RetryAfter | null | undefined): Record<string, string> {
  if (!value) return {};
  if (value.form === 'seconds') return { 'retry-after': String(value.seconds) };
  if (value.form === 'text') return { 'retry-after': value.text };
  const instant = Math.ceil((Date.now() + value.seconds * 1000) / 1000) * 1000;
  return { 'retry-after': new Date(instant).toUTCString() };
}

/** The next failure of an endpoint, used up by this call. */
export function takeFailure(failures: Failure[]): Failure | undefined {
  const next = failures.find((failure) => failure.times > 0);
  if (next) next.times -= 1;
  return next;
}

/** The failure that the n-th (from 0) request of a job or file meets. */
export function failureAt(failures: readonly Failure[], n: number): Failure | undefined {
  let first = 0;
  for (const failure of failures) {
    if (n < first + failure.times) return failure;
    first += failure.times;
  }
  return undefined;
}

export function failureCount(failures: readonly Failure[]): number {
  return failures.reduce((sum, failure) => sum + failure.times, 0);
}

export function failureReply(failure: Failure): Reply {
  if (failure.status === 'disconnect') return 'disconnect';
  const headers = retryAfterHeader(failure.retryAfter);
  switch (failure.body ?? 'outcome') {
    case 'html':
      return {
        status: failure.status,
        headers: { 'content-type': 'text/html', ...headers },
        body: `<html><body><h1>${failure.status}</h1></body></html>`,
      };
    case 'empty':
      return { status: failure.status, headers };
    default: {
      const code = failure.code ?? (failure.status === 429 ? 'throttled' : 'transient');
      const issue: OutcomeIssue = { severity: 'error', code, diagnostics: 'set by the test' };
      return fhirAnswer(failure.status, operationOutcome([issue]), headers);
    }
  }
}
