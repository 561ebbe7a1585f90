import type { VariantGroup } from './variant.ts';

const processing = { severity: 'error', code: 'processing', diagnostics: 'disk full' } as const;

export const STATUS_VARIANTS: VariantGroup = {
  title: 'Status and manifest',
  variants: [
    {
      partner: 'a relative `Content-Location`',
      carryover: 'resolves it against the URL of the kick-off',
      behaviour: { kickOff: { contentLocation: 'relative' } },
      outcome: 'same',
    },
    {
      partner: '`Content-Location` on another host',
      carryover: 'does not go there',
      behaviour: { kickOff: { contentLocation: 'other-origin' } },
      outcome: { at: 'start-export', reason: 'host-not-allowed' },
      requests: [['!', /\/jobs\//]],
    },
    {
      partner: 'no `Content-Location`',
      carryover: 'ends the exchange: nobody can ask for that export again',
      behaviour: { kickOff: { contentLocation: 'missing' } },
      outcome: { at: 'start-export', reason: 'peer-invalid' },
    },
    {
      partner: '`Retry-After` in seconds, or as a date',
      carryover: 'waits so long',
      behaviour: { status: { retryAfter: { form: 'date', seconds: 2 } } },
      outcome: 'same',
    },
    {
      partner: 'no `Retry-After`',
      carryover: 'asks ever less often, from two seconds to five minutes',
      behaviour: { status: { retryAfter: null, pollsBeforeDone: 3 } },
      outcome: 'same',
    },
    {
      partner: '`Retry-After` beyond the deadline of the export',
      carryover: 'asks as if none had been named',
      behaviour: { status: { retryAfter: { form: 'seconds', seconds: 10 * 365 * 86_400 } } },
      outcome: 'same',
    },
    {
      partner: '429 or 503 for a poll, with or without an OperationOutcome',
      carryover: 'takes the export for alive, and asks again',
      behaviour: {
        status: {
          failures: [
            { times: 1, status: 503, code: 'transient' },
            { times: 1, status: 429 },
          ],
        },
      },
      outcome: 'same',
    },
    {
      partner: '500 whose OperationOutcome has a transient issue',
      carryover: 'the same',
      behaviour: { status: { failures: [{ times: 2, status: 500, code: 'lock-error' }] } },
      outcome: 'same',
    },
    {
      partner: '500 with another issue: the export failed',
      carryover: 'ends the exchange, with the partner’s own words on the Task',
      behaviour: { status: { jobFails: { status: 500, issue: processing } } },
      outcome: { at: 'poll-export', reason: 'export-failed' },
    },
    {
      partner: '404 for the status of an export that was begun',
      carryover: 'ends the exchange: the export is gone',
      behaviour: { status: { failures: [{ times: 99, status: 404 }] } },
      outcome: { at: 'poll-export', reason: 'export-expired' },
    },
    {
      partner: 'an export that never ends',
      carryover: 'waits for `exportDeadlineSeconds`, then gives it back',
      behaviour: { status: { pollsBeforeDone: 100_000 } },
      limits: { exportDeadlineMs: 500 },
      outcome: { at: 'poll-export', reason: 'export-deadline' },
      requests: [/^DELETE /],
    },
    {
      partner: '200 with `X-Export-Status: 202` (Bulk Data 3.0), though nobody asked for it',
      carryover: 'goes by the header',
      behaviour: { status: { separateStatus: true, pollsBeforeDone: 2 } },
      outcome: 'same',
    },
    {
      partner: 'a redirect of the status URL',
      carryover: 'follows it within the allowed hosts',
      behaviour: { status: { redirect: 307 } },
      outcome: 'same',
    },
    ...(['1.0', '2.0', '3.0', '4.0'] as const).map((version) => ({
      partner: `a manifest of Bulk Data ${version}`,
      carryover: 'reads it, warnings of its error list included',
      behaviour: {
        manifest: { version, errors: [{ severity: 'warning' as const, code: 'processing', diagnostics: 'left out' }] },
      },
      outcome: 'same' as const,
    })),
    {
      partner: 'a manifest in pages (`link` `next`)',
      carryover: 'reads all of them',
      behaviour: { manifest: { pages: 2, linesPerFile: 10 } },
      outcome: 'same',
    },
    {
      partner: 'relative URLs in the manifest',
      carryover: 'resolves them against it',
      behaviour: { manifest: { relativeUrls: true } },
      outcome: 'same',
    },
    {
      partner: '`transactionTime` with an offset',
      carryover: 'takes the instant',
      behaviour: { manifest: { transactionTime: 'offset' } },
      outcome: 'same',
    },
    {
      partner: '`transactionTime` with seven digits of a second',
      carryover: 'takes the instant, to the millisecond',
      behaviour: { manifest: { transactionTime: 'fraction7' } },
      outcome: 'same',
    },
    {
      partner: 'no `transactionTime`',
      carryover: 'ends the exchange: nobody knows what it holds',
      behaviour: { manifest: { omitMembers: ['transactionTime'] } },
      outcome: { at: 'poll-export', reason: 'peer-invalid' },
    },
    {
      partner: 'no `requiresAccessToken`, no `error`',
      carryover: 'takes it for true, and the list for empty',
      behaviour: { manifest: { omitMembers: ['requiresAccessToken', 'error'] } },
      outcome: 'same',
    },
    {
      partner: 'a `count` that is wrong',
      carryover: 'imports what came, with a warning',
      behaviour: { manifest: { count: 'wrong' } },
      outcome: 'same',
      warnings: ['manifest-count'],
    },
    {
      partner: 'refuses the DELETE of the export',
      carryover: 'has the records, and lets it expire',
      behaviour: { status: { deleteFailures: [{ times: 99, status: 405 }] } },
      outcome: 'same',
    },
  ],
};
