import type { Failure, OutcomeIssue, RetryAfter } from './failures.ts';

export interface KickOffBehaviour {
  typeLevel: boolean;
  instanceLevel: boolean;
  groupLevel: boolean;
  get: boolean;
  post: boolean;
  /** Status for the forms of a kick-off that are off; `null`: 404 for a level, 405 for a method. */
  unsupportedStatus: number | null;
  /** `GET Group?member=…` finds, and a read gives, the Group `group-{patientId}` of a matched member. */
  groups: boolean;
  /** `several`: the Group holds another member too, and is exported with it. */
  groupMembers: 'one' | 'several';
  /** At type level `patient` is unsupported, and the member the token is bound to is exported. */
  tokenBound: boolean;
  /** Export only what the same client matched before. */
  requireMatch: boolean;
  supportedParameters: string[];
  /** Where a refusal names the parameters it is about; `bare` has no body. */
  refusalStyle: 'diagnostics' | 'expression' | 'bare';
  contentLocation: 'absolute' | 'relative' | 'other-origin' | 'missing';
  failures: Failure[];
  /** The next so many jobs are created, but the answer that names them is lost. */
  loseAnswers: number;
}

export interface StatusBehaviour {
  pollsBeforeDone: number;
  progress: string | null;
  retryAfter: RetryAfter | null;
  /** Applied to the first polls of each job, before `pollsBeforeDone` counts. */
  failures: Failure[];
  /** The job ends in this error, for good. */
  jobFails: { status: number; issue: OutcomeIssue } | null;
  deleteFailures: Failure[];
  /** 200 while running and after a failure, with the truth in `X-Export-Status`, whatever was asked. */
  separateStatus: boolean;
  /** The status URL leads to another path of the same origin; 303 for GET alone. */
  redirect: 303 | 307 | null;
}

export interface ManifestBehaviour {
  /** Form of the published version: 1.0 has no `deleted`, 4.0 no `request` and `outcome` for `error`. */
  version: '1.0' | '2.0' | '3.0' | '4.0';
  /** Entries of `output` on a page; `null` for one manifest. */
  pages: number | null;
  relativeUrls: boolean;
  /** `offset`: of a place two hours ahead of UTC; `fraction7`: to the tenth of a microsecond. */
  transactionTime: 'utc' | 'offset' | 'fraction7';
  requiresAccessToken: boolean;
  linesPerFile: number;
  count: 'right' | 'wrong' | 'none';
  expiresSeconds: number | null;
  errors: OutcomeIssue[];
  /** Lines of a `deleted` file (transaction Bundles). */
  deletedLines: string[];
  extraOutput: { type: string; url: string }[];
  extraMembers: Record<string, unknown>;
  omitMembers: string[];
}

export function defaultKickOff(): KickOffBehaviour {
  return {
    typeLevel: true,
    instanceLevel: false,
    groupLevel: false,
    get: true,
    post: true,
    unsupportedStatus: null,
    groups: false,
    groupMembers: 'one',
    tokenBound: false,
    requireMatch: true,
    supportedParameters: ['_outputFormat', '_since', '_until', '_type', 'patient'],
    refusalStyle: 'diagnostics',
    contentLocation: 'absolute',
    failures: [],
    loseAnswers: 0,
  };
}

export function defaultStatus(): StatusBehaviour {
  return {
    pollsBeforeDone: 1,
    progress: 'in progress',
    retryAfter: { form: 'seconds', seconds: 1 },
    failures: [],
    jobFails: null,
    deleteFailures: [],
    separateStatus: false,
    redirect: null,
  };
}

export function defaultManifest(): ManifestBehaviour {
  return {
    version: '2.0',
    pages: null,
    relativeUrls: false,
    transactionTime: 'utc',
    requiresAccessToken: true,
    linesPerFile: 1000,
    count: 'right',
    expiresSeconds: 3600,
    errors: [],
    deletedLines: [],
    extraOutput: [],
    extraMembers: {},
    omitMembers: [],
  };
}
