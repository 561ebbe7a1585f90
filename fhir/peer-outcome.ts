import { isErrorCode } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { isRecord } from './parameters.ts';

export interface PeerIssue {
  readonly severity: string;
  /** FHIR issue-type. */
  readonly code: string;
  /** `details.coding[].code`. */
  readonly codings: readonly string[];
  /** For the operator alone: may name the member. */
  readonly text: string;
}

/** Issue types with which a server says that asking again may help (Bulk Data: status request, transient error). */
const TRANSIENT: ReadonlySet<string> = new Set([
  'transient',
  'timeout',
  'throttled',
  'lock-error',
  'exception',
  'no-store',
  'incomplete',
]);

/** The issues of an OperationOutcome; undefined where the text is something else. */
export function readPeerOutcome(text: string): readonly PeerIssue[] | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's page, or nothing: no OperationOutcome, and callers go by the status alone.
    return undefined;
  }
  if (!isRecord(body) || body['resourceType'] !== 'OperationOutcome') return undefined;
  return arrayOf(body['issue']).map(readIssue);
}

export function isTransient(issues: readonly PeerIssue[]): boolean {
  return issues.some(({ code }) => TRANSIENT.has(code));
}

/** One line of what the issues say. */
export function outcomeText(issues: readonly PeerIssue[]): string {
  return issues.map(({ code, text }) => (text === '' ? code : `${code}: ${text}`)).join('; ');
}

/** What a refused `$member-match` (422) means. HRex gives no codes: a code of ours, then the issue type, then words. */
export function matchRefusal(issues: readonly PeerIssue[]): ErrorCode {
  const own = issues.flatMap(({ codings }) => codings).find((code) => MATCH_CODES.has(code));
  if (own !== undefined && isErrorCode(own)) return own;
  if (issues.some(({ code }) => code === 'multiple-matches' || code === 'duplicate')) return 'member-ambiguous';
  const words = issues.map(({ text, codings }) => `${text} ${codings.join(' ')}`.toLowerCase()).join(' ');
  if (words.includes('consent')) return 'consent-refused';
  if (/multiple|more than one|several|ambiguous/.test(words)) return 'member-ambiguous';
  // The member was found and may not be given out: nothing else of a match is a rule's doing.
  if (issues.some(({ code }) => WITHHELD.has(code)) && !NO_MATCH.test(words)) return 'consent-refused';
  const isStructural = issues.some(({ code }) => STRUCTURAL.has(code)) && !NO_MATCH.test(words);
  return isStructural ? 'peer-refused' : 'member-not-matched';
}

const MATCH_CODES: ReadonlySet<string> = new Set(['member-not-matched', 'member-ambiguous', 'consent-refused']);
const WITHHELD: ReadonlySet<string> = new Set(['business-rule', 'forbidden', 'suppressed', 'security']);
const NO_MATCH = /no match|not match|no member|not found/;
/** The request itself was found wrong: whether the member is known was not looked at. */
const STRUCTURAL: ReadonlySet<string> = new Set([
  'structure',
  'required',
  'invariant',
  'invalid',
  'value',
  'code-invalid',
]);

function readIssue(value: unknown): PeerIssue {
  const issue = isRecord(value) ? value : {};
  const details = isRecord(issue['details']) ? issue['details'] : {};
  const codings = arrayOf(details['coding']).filter(isRecord);
  const texts = [details['text'], issue['diagnostics'], ...codings.map(({ display }) => display)];
  return {
    severity: stringOr(issue['severity'], 'error'),
    code: stringOr(issue['code'], 'unknown'),
    codings: codings.map(({ code }) => stringOr(code, '')).filter((code) => code !== ''),
    text: texts.filter((text) => typeof text === 'string' && text !== '').join(' '),
  };
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
