import { defaultKickOff, defaultManifest, defaultStatus } from './export-options.ts';
import type { KickOffBehaviour, ManifestBehaviour, StatusBehaviour } from './export-options.ts';
import type { Failure } from './failures.ts';
import { defaultFiles } from './file-options.ts';
import type { FileBehaviour } from './file-options.ts';
import { defaultMatch } from './match-options.ts';
import type { MatchBehaviour } from './match-options.ts';
import { defaultBatch, defaultEverything, defaultReads, defaultSearch } from './retrieval-options.ts';
import type { BatchBehaviour, EverythingBehaviour, ReadBehaviour, SearchBehaviour } from './retrieval-options.ts';
import type { ClientRegistration, DirectorySource, MemberInput } from './state.ts';

/** Everything that may be changed while the responder runs; it is read at each request. */
export interface Behaviour {
  /** Milliseconds every answer waits. */
  latencyMs: number;
  discovery: DiscoveryBehaviour;
  token: TokenBehaviour;
  /** Whether tokens must cover the types read or exported. */
  scopeCheck: boolean;
  match: MatchBehaviour;
  reads: ReadBehaviour;
  search: SearchBehaviour;
  everything: EverythingBehaviour;
  batch: BatchBehaviour;
  kickOff: KickOffBehaviour;
  status: StatusBehaviour;
  manifest: ManifestBehaviour;
  files: FileBehaviour;
}

export interface DiscoveryBehaviour {
  smartConfiguration: boolean;
  /** Which operations the CapabilityStatement names. Does not switch the operations themselves. */
  operations: ('member-match' | 'patient-export' | 'export' | 'group-export' | 'everything')[];
  oauthUrisInCapability: boolean;
  /** The CapabilityStatement says what is switched on, and `operations` counts for nothing. */
  truthful: boolean;
  /** `xml-only`: XML whatever is accepted; `missing`: 404. */
  capability: 'json' | 'xml-only' | 'missing';
}

export interface TokenBehaviour {
  lifetimeSeconds: number;
  /** Granted instead of what was asked; `null` grants what was asked. */
  scope: string | null;
  scopeRequired: boolean;
  /** The one member that tokens issued from now on are for; the answer names it as `patient`. */
  boundTo: string | null;
  algorithms: ('RS384' | 'ES384')[];
  extraMembers: Record<string, unknown>;
  /** Form fields each request needs; `null` stands for any value. */
  requiredParams: Record<string, string | null>;
  failures: Failure[];
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
      truthful: false,
      capability: 'json',
    },
    token: {
      lifetimeSeconds: 300,
      scope: null,
      scopeRequired: true,
      boundTo: null,
      algorithms: ['RS384', 'ES384'],
      extraMembers: {},
      requiredParams: {},
      failures: [],
    },
    scopeCheck: true,
    match: defaultMatch(),
    reads: defaultReads(),
    search: defaultSearch(),
    everything: defaultEverything(),
    batch: defaultBatch(),
    kickOff: defaultKickOff(),
    status: defaultStatus(),
    manifest: defaultManifest(),
    files: defaultFiles(),
  };
}
