import type { PeerClient } from '../../peer/fhir-client.ts';
import type { ReachedPayer, TokenSource } from '../../peer/token.ts';
import type { BlobStore } from '../../store/blobs.ts';
import type { ExchangeFileStore } from '../../store/exchange-files.ts';
import type { ExchangeRecord, ExchangeStore } from '../../store/exchanges.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { PayerKnowledgeStore } from '../../store/payer-knowledge.ts';
import type { TaskStore } from '../../store/tasks.ts';
import type { ImportThreads } from './import-threads.ts';

/** What the configuration says about an import. */
export interface ImportSettings {
  /** An exchange with more refused lines than this fails. */
  readonly maxRefusedLines: number;
  readonly maxLineBytes: number;
  /** Kept files up to this size stand in their DocumentReference; larger ones behind a Binary. */
  readonly attachmentInlineBytes: number;
  /** At most so many resources that the export left out are read one by one. */
  readonly maxFetchedReferences: number;
  /** Identifier systems by which a practitioner, organization or location that came is known to be one of ours. */
  readonly knownBy: readonly string[];
  readonly foreignLines: 'refuse' | 'fail';
  /** System under which original ids are kept, where the payer's definition names none. */
  readonly responderIdentifierSystem: string;
  readonly migratedTag: { readonly system: string; readonly code: string; readonly display?: string };
  readonly provenanceProfile: 'vendor' | 'pdex';
  readonly provenanceVersionedReferences: boolean;
  readonly mdmPatientIdentifier: { readonly system: string; readonly type: string } | undefined;
  /** Id of our own Organization. */
  readonly ownOrganizationId: string | undefined;
}

export interface RequesterDeps {
  readonly exchanges: ExchangeStore;
  readonly tasks: TaskStore;
  readonly files: ExchangeFileStore;
  readonly fhir: FhirStore;
  readonly blobs: BlobStore;
  readonly tokens: TokenSource;
  readonly knowledge: PayerKnowledgeStore;
  /**
   * The payer of an exchange, as that exchange reaches it.
   * @throws ExchangeError `payer-unknown` for a payer that was removed
   */
  readonly payer: (exchange: Pick<ExchangeRecord, 'id' | 'payerPid' | 'request'>) => Promise<ReachedPayer>;
  readonly peer: (payer: ReachedPayer, signal: AbortSignal) => PeerClient;
  readonly threads: ImportThreads;
  readonly settings: ImportSettings;
}
