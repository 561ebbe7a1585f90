import type { JSONWebKeySet } from 'jose';
import type { OutcomeIssue } from './failures.ts';
import type { Behaviour } from './options.ts';
import type { ResultSet } from './paging.ts';

export interface ClientRegistration {
  clientId: string;
  /** Public keys for private_key_jwt, inline or by URL. */
  jwks?: JSONWebKeySet;
  jwksUrl?: string;
  /** For client_secret_basic and client_secret_post. */
  clientSecret?: string;
  /** When given, only these scopes are granted. */
  scope?: string;
  /** When given, a Consent must name it as recipient. */
  organization?: { system: string; value: string };
}

export interface MemberInput {
  patientId: string;
  memberId: string;
  memberIdSystem?: string;
  subscriberId?: string;
  /** The business identifier `$member-match` answers with; derived from the member id when absent. */
  umb?: { system: string; value: string };
  /** NDJSON lines by resource type; the Patient line gives family name and birth date to match on. */
  lines: Record<string, string[]>;
  /** Held besides: read and found by id, never exported. */
  undelivered?: Record<string, string[]>;
  /** Documents at `[origin]/attachments/{name}`. */
  attachments?: Record<string, { contentType: string; base64: string }>;
}

export interface DirectorySource {
  directory: string;
  patientId: string;
  memberId?: string;
  subscriberId?: string;
}

export interface Member extends MemberInput {
  umb: { system: string; value: string };
  families: string[];
  birthDate: string | undefined;
}

export interface IssuedToken {
  clientId: string;
  scope: string;
  boundTo: string | null;
  expiresAt: number;
}

export interface ExportFile {
  number: number;
  kind: 'output' | 'error' | 'deleted';
  type: string;
  lines: string[];
  lastOfType: boolean;
  /** Requests that passed authorization, for faults of the "first K" kind. */
  attempts: number;
  served: number;
  content: Buffer | undefined;
}

export interface Job {
  id: string;
  clientId: string;
  request: string;
  patientIds: string[];
  transactionTime: string;
  files: ExportFile[];
  notes: OutcomeIssue[];
  requiresAccessToken: boolean;
  polls: number;
  manifestsShown: number;
  linksExpireAt: number;
  deleted: boolean;
}

/** One line of the log; `status` is set when the answer is sent. */
export interface RequestRecord {
  time: number;
  origin: 'main' | 'other';
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  status: number | undefined;
}

export interface State {
  readonly basePath: string;
  readonly origin: string;
  readonly otherOrigin: string;
  readonly baseUrl: string;
  readonly tokenEndpoint: string;
  readonly payer: { system: string; value: string; name: string } | undefined;
  readonly behaviour: Behaviour;
  readonly linkSecret: Buffer;
  readonly clients: Map<string, ClientRegistration>;
  readonly tokens: Map<string, IssuedToken>;
  readonly usedAssertions: Set<string>;
  readonly members: Map<string, Member>;
  /** Patients each client has matched. */
  readonly matches: Map<string, Set<string>>;
  readonly jobs: Map<string, Job>;
  /** By the id in the next link. */
  readonly pages: Map<string, { result: ResultSet; index: number }>;
  readonly requests: RequestRecord[];
}
