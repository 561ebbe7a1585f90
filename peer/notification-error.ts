import { ExchangeError } from '../fhir/errors.ts';

/** A notification that did not go out. */
export class NotificationError extends ExchangeError {
  constructor(
    code: 'notification-failed' | 'notification-refused',
    /** The status, or the SMTP reply code, that the receiver answered. */
    readonly answer: number | undefined,
    cause?: unknown,
  ) {
    // Never the receiver's own words: they repeat addresses.
    super(code, { cause });
  }
}
