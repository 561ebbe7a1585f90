import type { Failure } from './failures.ts';

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
  /** The file in a FHIR Binary resource: always, or unless `Accept` names exactly application/fhir+ndjson. */
  wrap: 'none' | 'binary' | 'binary-unless-accepted';
  /** Files refuse an Authorization header with this status, whatever the manifest says, and need none. */
  rejectsToken: 400 | 401 | null;
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

export function defaultFiles(): FileBehaviour {
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
    wrap: 'none',
    rejectsToken: null,
    absoluteReferences: false,
    bom: false,
    crlf: false,
    finalNewline: true,
    extraLines: {},
    faults: { types: null, failures: [], cut: null, truncatedGzip: null, shortBody: null, drip: null },
  };
}
