/**
 * The one error of an exchange and the one table of its codes.
 *
 * Four renderings read this table: ApplicationFailure (`activities/failures.ts`), OperationOutcome (`api/outcome.ts`),
 * `Task.statusReason` (`fhir/task.ts`) and `docs/errors.md` (a test compares both directions).
 */

/** How a step that failed with a code is tried again: never, with growing delays, or when the peer says so. */
export type Retry = 'never' | 'backoff' | 'after';

export interface ErrorEntry {
  /** FHIR issue-type (http://hl7.org/fhir/R4/valueset-issue-type.html). */
  readonly issue: string;
  /** Status when the code answers a request of ours. */
  readonly status: number;
  readonly retry: Retry;
  /** The fixed sentence: the only text that leaves with the code. */
  readonly sentence: string;
}

const entry = (issue: string, status: number, retry: Retry, sentence: string): ErrorEntry => ({
  issue,
  status,
  retry,
  sentence,
});

export const ERRORS = {
  'request-invalid': entry('invalid', 400, 'never', 'The request is not well formed.'),
  'request-unprocessable': entry(
    'business-rule',
    422,
    'never',
    'The request is well formed but cannot be carried out.',
  ),
  'parameters-invalid': entry(
    'invalid',
    422,
    'never',
    'The parameters are not what the profile of the operation asks.',
  ),
  'unsupported-media-type': entry('not-supported', 415, 'never', 'The content type of the request is not supported.'),
  'request-too-large': entry('too-long', 413, 'never', 'The request is larger than this server allows.'),
  'method-not-allowed': entry('not-supported', 405, 'never', 'This path does not know the method of the request.'),
  'not-supported': entry('not-supported', 400, 'never', 'A parameter or interaction of the request is not supported.'),
  'too-costly': entry('too-costly', 400, 'never', 'The search would read more than this server allows.'),
  'not-found': entry('not-found', 404, 'never', 'There is no such resource.'),
  deleted: entry('deleted', 410, 'never', 'The resource was deleted.'),
  conflict: entry('conflict', 409, 'never', 'The request conflicts with the present state.'),
  'version-conflict': entry(
    'conflict',
    412,
    'never',
    'The resource has changed since the version that If-Match names.',
  ),
  unauthenticated: entry('login', 401, 'never', 'A valid bearer token is required.'),
  forbidden: entry('forbidden', 403, 'never', 'The token does not allow this.'),
  throttled: entry('throttled', 429, 'after', 'Too many requests; try again later.'),
  unavailable: entry('transient', 503, 'after', 'A part that this request needs is away; try again later.'),
  'payer-unknown': entry('not-found', 422, 'never', 'The request names no registered payer, or several.'),
  'patient-unknown': entry('not-found', 422, 'never', 'The local patient is not in the store.'),
  'patient-identifier': entry(
    'business-rule',
    422,
    'never',
    'The local patient must have exactly one identifier of the configured reference system.',
  ),
  'token-refused': entry('security', 502, 'never', 'The authorization server of the responding payer refused a token.'),
  'scope-insufficient': entry(
    'forbidden',
    502,
    'never',
    'The responding payer granted less scope than the exchange needs.',
  ),
  'peer-unreachable': entry('transient', 502, 'backoff', 'The responding payer could not be reached.'),
  'peer-busy': entry('throttled', 503, 'after', 'The responding payer asked to wait.'),
  'peer-refused': entry('processing', 502, 'never', 'The responding payer refused a request.'),
  'peer-invalid': entry(
    'structure',
    502,
    'never',
    'The answer of the responding payer is not what the specification says.',
  ),
  'peer-media-type': entry(
    'not-supported',
    502,
    'never',
    'The responding payer answered in another format than FHIR JSON.',
  ),
  'member-not-matched': entry('not-found', 422, 'never', 'No member matches.'),
  'member-ambiguous': entry('multiple-matches', 422, 'never', 'More than one member matches.'),
  'consent-refused': entry('business-rule', 422, 'never', 'The consent cannot be complied with.'),
  'consent-withdrawn': entry('forbidden', 403, 'never', 'No consent is in force for this member.'),
  'export-refused': entry('processing', 502, 'never', 'The responding payer refused to start the export.'),
  'export-failed': entry('processing', 502, 'never', 'The export failed at the responding payer.'),
  'export-expired': entry('expired', 502, 'never', 'The export or its files are no longer there.'),
  'export-deadline': entry('timeout', 504, 'never', 'The export did not finish before its deadline.'),
  'download-failed': entry('transient', 502, 'backoff', 'A file of the export could not be downloaded.'),
  'file-damaged': entry('incomplete', 502, 'backoff', 'A file of the export arrived shorter than announced or cut.'),
  'too-many-refused-lines': entry('processing', 422, 'never', 'More lines of the export were refused than allowed.'),
  'foreign-member': entry('security', 422, 'never', 'The export holds records of another member.'),
  'host-not-allowed': entry('security', 502, 'never', 'The responding payer pointed to a host that is not allowed.'),
  'import-failed': entry('exception', 500, 'backoff', 'The received records could not be stored.'),
  'notification-failed': entry('transient', 502, 'backoff', 'The receiver of a notification did not take it.'),
  'notification-refused': entry('forbidden', 502, 'never', 'A notification cannot be delivered to its receiver.'),
  cancelled: entry('suppressed', 409, 'never', 'The exchange was cancelled.'),
  terminated: entry('processing', 500, 'never', 'The run of the exchange was ended by an operator.'),
  internal: entry('exception', 500, 'backoff', 'An error inside this server.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface ExchangeErrorOptions {
  /** For the operator alone (exchange row): names field and kind, never shown on the wire, logged or kept in a history. */
  readonly detail?: string;
  /** FHIRPath of the element at fault, for `OperationOutcome.issue.expression`. */
  readonly expression?: string;
  /** What is accepted at that element: names fields and kinds, never a value of the request; may go on the wire. */
  readonly diagnostics?: string;
  /** When the peer says so: how long to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An error with a code of the table; `message` is always the fixed sentence. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly expression: string | undefined;
  readonly diagnostics: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: ExchangeErrorOptions = {}) {
    super(ERRORS[code].sentence, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.expression = options.expression;
    this.diagnostics = options.diagnostics;
    this.retryAfterMs = options.retryAfterMs;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}
