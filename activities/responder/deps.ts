import type { Disclosure, WithheldReason } from '../../fhir/disclosure.ts';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { MatchStore } from '../../store/matches.ts';

export interface ExportSettings {
  /** Types that leave at all; absent: every type. */
  readonly types: readonly string[] | undefined;
  readonly linesPerFile: number;
  readonly maxFileBytes: number;
  readonly expirySeconds: number;
  /** Id of our own Organization, the transmitter; absent: no Provenance says so. */
  readonly ownOrganizationId: string | undefined;
  readonly provenanceProfile: 'vendor' | 'pdex';
}

export interface ResponderDeps {
  readonly jobs: ExportJobStore;
  readonly fhir: FhirStore;
  readonly parts: ExportPartStore;
  readonly matches: MatchStore;
  readonly disclosure: Disclosure;
  /** For the operator's metrics. */
  readonly countWithheld: (reason: WithheldReason, count: number) => void;
  readonly settings: ExportSettings;
}
