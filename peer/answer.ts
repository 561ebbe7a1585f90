import { ExchangeError } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import { isTransient, outcomeText, readPeerOutcome } from '../fhir/peer-outcome.ts';
import type { PeerIssue } from '../fhir/peer-outcome.ts';
import { readRetryAfter } from '../fhir/retry-after.ts';
import { decodeStream } from './decode-stream.ts';
import type { PeerResponse } from './http.ts';
import { assertJson } from './media-type.ts';
import { exchangeErrorIn, PeerError } from './peer-error.ts';
import { transportCode } from './transport-error.ts';

/** Answers that are read into memory; files are not. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 256 * 1024;

/** Statuses after which the same request may succeed. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 507, 508, 509, 529]);

/** An answer that is no success, read. */
export interface Refusal {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly issues: readonly PeerIssue[] | undefined;
  /** The OperationOutcome as it came. */
  readonly outcome: string | undefined;
}

export async function readText(response: PeerResponse, limit = MAX_ANSWER_BYTES): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, limit));
}

/**
 * The bytes of an answer, its Content-Encoding taken off.
 * @throws ExchangeError `peer-invalid` when there are more than `limit`, `peer-unreachable` when it breaks off
 */
export async function readBytes(response: PeerResponse, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of decodeStream(response.body, response.header('content-encoding'))) {
      size += chunk.byteLength;
      if (size > limit) throw new ExchangeError('peer-invalid', { detail: `an answer of more than ${limit} bytes` });
      chunks.push(chunk);
    }
  } catch (error) {
    const isDamaged = exchangeErrorIn(error)?.code === 'file-damaged';
    if (!isDamaged && transportCode(error) === undefined) throw error;
    throw new ExchangeError('peer-unreachable', { detail: 'an answer broke off', cause: error });
  }
  return Buffer.concat(chunks);
}

/** @throws ExchangeError `peer-invalid` when the answer is no JSON object, `peer-media-type` when it is XML or a page */
export async function readJson(response: PeerResponse): Promise<{ readonly text: string; readonly body: object }> {
  const text = await readText(response);
  assertJson(response, text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may name the member.
    throw new ExchangeError('peer-invalid', { detail: `HTTP ${response.status}: the answer is no JSON` });
  }
  if (typeof body === 'object' && body !== null) return { text, body };
  throw new ExchangeError('peer-invalid', { detail: `HTTP ${response.status}: the answer is no JSON object` });
}

/** Reads what an error answer says; a body that cannot be read counts as empty, since the status has been said. */
export async function readRefusal(response: PeerResponse, now: number): Promise<Refusal> {
  const text = await readText(response, MAX_REFUSAL_BYTES).catch((error: unknown) => {
    if (error instanceof ExchangeError) return '';
    throw error;
  });
  const issues = readPeerOutcome(text);
  return {
    status: response.status,
    retryAfterMs: readRetryAfter(response.header('retry-after'), now),
    issues,
    outcome: issues === undefined ? undefined : text,
  };
}

/** The error that a refusal is; `final` names what it means where asking again cannot help. */
export function refusalError(refusal: Refusal, final: ErrorCode = 'peer-refused'): PeerError {
  const code = isPassing(refusal) ? passingCode(refusal) : final;
  return errorWithCode(refusal, code);
}

/** 429, and whatever says how long to wait, is an answer of a peer that is there. */
export function passingCode({ status, retryAfterMs }: Refusal): ErrorCode {
  return status === 429 || retryAfterMs !== undefined ? 'peer-busy' : 'peer-unreachable';
}

export function errorWithCode(refusal: Refusal, code: ErrorCode): PeerError {
  const { status, issues, outcome, retryAfterMs } = refusal;
  const detail = `HTTP ${status}${issues === undefined ? '' : `: ${outcomeText(issues)}`}`;
  return new PeerError(code, { status, outcome, detail, retryAfterMs });
}

function isPassing({ status, issues }: Refusal): boolean {
  return PASSING.has(status) || (status >= 500 && isTransient(issues ?? []));
}
