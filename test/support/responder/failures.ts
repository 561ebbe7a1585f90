/** `Retry-After` in either form RFC 9110 allows, or a text that is neither. A date is rounded up to a whole second. */
export type RetryAfter =
  { readonly form: 'seconds' | 'date'; readonly seconds: number } | { readonly form: 'text'; readonly text: string };

/** An error answer given `times` times before the endpoint works again. `disconnect` closes the connection unanswered. */
export interface Failure {
  times: number;
  status: number | 'disconnect';
  /** OperationOutcome issue code, or the OAuth error at the token endpoint. */
  code?: string;
  retryAfter?: RetryAfter;
  body?: 'outcome' | 'html' | 'empty';
}

export interface OutcomeIssue {
  severity: 'information' | 'warning' | 'error' | 'fatal';
  code: string;
  diagnostics: string;
  expression?: string[];
}
