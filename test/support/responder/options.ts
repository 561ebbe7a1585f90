import type { ClientRegistration, DirectorySource, MemberInput } from './state.ts';

/** `Retry-After` in either form RFC 9110 allows. A date is rounded up to a whole second. */
export interface RetryAfter {
  readonly form: 'seconds' | 'date';
  readonly seconds: number;
}

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
}

/** Everything that may be changed while the responder runs; it is read at each request. */
export interface Behaviour {
  /** Milliseconds every answer waits. */
  latencyMs: number;
  discovery: {
    smartConfiguration: boolean;
    /** Which operations the CapabilityStatement names. Does not switch the operations themselves. */
    operations: ('member-match' | 'patient-export' | 'export' | 'group-export' | 'everything')[];
    oauthUrisInCapability: boolean;
  };
  token: {
    lifetimeSeconds: number;
    /** Granted instead of what was asked; `null` grants what was asked. */
    scope: string | null;
    scopeRequired: boolean;
    algorithms: ('RS384' | 'ES384')[];
    extraMembers: Record<string, unknown>;
    /** Form fields each request needs; `null` stands for any value. */
    requiredParams: Record<string, string | null>;
    failures: Failure[];
  };
  /** Whether tokens must cover the types read or exported. */
  scopeCheck: boolean;
  match: {
    /** Only the presence of MemberPatient and CoverageToMatch is checked. */
    lenient: boolean;
    consentRequired: boolean;
    coverageToLinkRequired: boolean;
    /** Whether this payer can hold back sensitive data; without it a `#regular` consent is refused. */
    segmentsSensitive: boolean;
    refuseConsent: boolean;
    shape: 'valueIdentifier' | 'valueId' | 'echo';
    identifierType: 'hrex-temp#UMB' | 'v2-0203#UMB' | 'v2-0203#MB';
    memberId: 'relative' | 'absolute' | 'none';
    failures: Failure[];
  };
  reads: {
    /** Status of the refusal, `null` allows searches and reads. */
    refusedWith: number | null;
    failures: Failure[];
  };
  kickOff: {
    typeLevel: boolean;
    instanceLevel: boolean;
    get: boolean;
    /** Export only what the same client matched before. */
    requireMatch: boolean;
    supportedParameters: string[];
    contentLocation: 'absolute' | 'relative' | 'other-origin' | 'missing';
    failures: Failure[];
    /** The next so many jobs are created, but the answer that names them is lost. */
    loseAnswers: number;
  };
  status: {
    pollsBeforeDone: number;
    progress: string | null;
    retryAfter: RetryAfter | null;
    /** Applied to the first polls of each job, before `pollsBeforeDone` counts. */
    failures: Failure[];
    /** The job ends in this error, for good. */
    jobFails: { status: number; issue: OutcomeIssue } | null;
    deleteFailures: Failure[];
  };
  manifest: {
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
  };
  files: FileBehaviour;
}

export interface FileBehaviour {
  origin: 'same' | 'other';
  /** 302 to the other origin, where the link is pre-signed. */
  redirect: boolean;
  links: 'valid' | 'first-manifest-expired' | 'always-expired';
  linkLifetimeSeconds: number;
  expiredStatus: number;
  gzip: boolean;
  contentLength: boolean;
  etag: 'strong' | 'weak' | 'none' | 'changing';
  range: boolean;
  contentType: string;
  absoluteReferences: boolean;
  bom: boolean;
  crlf: boolean;
  finalNewline: boolean;
  /** Raw lines appended to the last file of a type. */
  extraLines: Record<string, string[]>;
  faults: {
    /** Types whose files have the faults; `null` for all. */
    types: string[] | null;
    failures: Failure[];
    cut: { afterBytes: number; times: number } | null;
    truncatedGzip: { times: number } | null;
    /** `honestLength` makes the loss invisible in the headers. */
    shortBody: { missingBytes: number; times: number; honestLength: boolean } | null;
    drip: { bytesPerSecond: number; times: number } | null;
  };
}

/** Objects merge, everything else (arrays too) replaces. */
export type Patch<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Patch<T[K]> } : T;

export interface ResponderOptions {
  /** 0 or absent: a free one. */
  port?: number;
  /** Port of the second origin. */
  otherPort?: number;
  basePath?: string;
  payer?: { system: string; value: string; name: string };
  behaviour?: Patch<Behaviour>;
  clients?: ClientRegistration[];
  members?: MemberInput[];
  memberDirectories?: DirectorySource[];
}

export function defaultBehaviour(): Behaviour {
  return {
    latencyMs: 0,
    discovery: {
      smartConfiguration: true,
      operations: ['member-match', 'patient-export'],
      oauthUrisInCapability: false,
    },
    token: {
      lifetimeSeconds: 300,
      scope: null,
      scopeRequired: true,
      algorithms: ['RS384', 'ES384'],
      extraMembers: {},
      requiredParams: {},
      failures: [],
    },
    scopeCheck: true,
    match: {
      lenient: false,
      consentRequired: true,
      coverageToLinkRequired: true,
      segmentsSensitive: true,
      refuseConsent: false,
      shape: 'valueIdentifier',
      identifierType: 'hrex-temp#UMB',
      memberId: 'relative',
      failures: [],
    },
    reads: { refusedWith: null, failures: [] },
    kickOff: {
      typeLevel: true,
      instanceLevel: false,
      get: true,
      requireMatch: true,
      supportedParameters: ['_outputFormat', '_since', '_until', '_type', 'patient'],
      contentLocation: 'absolute',
      failures: [],
      loseAnswers: 0,
    },
    status: {
      pollsBeforeDone: 1,
      progress: 'in progress',
      retryAfter: { form: 'seconds', seconds: 1 },
      failures: [],
      jobFails: null,
      deleteFailures: [],
    },
    manifest: {
      requiresAccessToken: true,
      linesPerFile: 1000,
      count: 'right',
      expiresSeconds: 3600,
      errors: [],
      deletedLines: [],
      extraOutput: [],
      extraMembers: {},
      omitMembers: [],
    },
    files: defaultFileBehaviour(),
  };
}

function defaultFileBehaviour(): FileBehaviour {
  return {
    origin: 'same',
    redirect: false,
    links: 'valid',
    linkLifetimeSeconds: 3600,
    expiredStatus: 403,
    gzip: true,
    contentLength: true,
    etag: 'strong',
    range: true,
    contentType: 'application/fhir+ndjson',
    absoluteReferences: false,
    bom: false,
    crlf: false,
    finalNewline: true,
    extraLines: {},
    faults: { types: null, failures: [], cut: null, truncatedGzip: null, shortBody: null, drip: null },
  };
}
