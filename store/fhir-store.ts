/**
 * The storage boundary of member records: what the rest of Carryover may ask of a FHIR store.
 *
 * The embedded default is `postgres/`; one contract test runs against every adapter.
 * Texts are JSON of one resource, kept as they were given: nothing is re-printed on the way in or out.
 */

export interface StoredResource {
  readonly type: string;
  readonly id: string;
  readonly versionId: string;
  /** Instant of publication, millisecond precision, UTC (`2026-11-21T04:35:26.123Z`). */
  readonly lastUpdated: string;
  /** The resource with `meta.versionId` and `meta.lastUpdated` in it. */
  readonly text: string;
  /** The Patient whose record this is about; absent for shared types (Practitioner, Organization …). */
  readonly patientId: string | undefined;
  readonly origin: 'native' | 'imported';
  /** The exchange that brought it, for imported ones. */
  readonly exchangeId: string | undefined;
  /** Kept originals (DocumentReference of a received file): for the operator, never for a partner. */
  readonly evidence: boolean;
  /** True on the tombstone that a deletion left; `text` is then empty. */
  readonly deleted: boolean;
}

export interface Identifier {
  readonly system: string;
  readonly value: string;
}

export interface ResourceKey {
  readonly type: string;
  readonly id: string;
}

export type Write =
  | { readonly kind: 'create'; readonly type: string; readonly text: string; readonly id?: string }
  | {
      readonly kind: 'update';
      readonly type: string;
      readonly id: string;
      readonly text: string;
      readonly ifMatch?: string;
    }
  | { readonly kind: 'delete'; readonly type: string; readonly id: string; readonly ifMatch?: string };

export interface WriteResult {
  readonly resource: StoredResource;
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'deleted';
}

export interface Instants {
  /** Exclusive: only what was published later (`_since`). */
  readonly since?: string;
  /** Inclusive: the state as of this instant; later publications do not show. */
  readonly asOf?: string;
}

export interface CompartmentQuery extends Instants {
  readonly patientIds: readonly string[];
  readonly types?: readonly string[];
  readonly origin?: 'native' | 'imported' | 'all';
  readonly includeEvidence?: boolean;
  /** Tombstones too: what an export with `_since` lists as deleted. */
  readonly includeDeleted?: boolean;
}

/** `system` undefined matches any system, an empty one only identifiers without. */
export interface IdentifierQuery {
  readonly system?: string;
  readonly value: string;
}

/** Prefixes, whatever their case and accents, one of which a name or the named part of one begins with. */
export interface NameQuery {
  readonly part?: 'family' | 'given';
  readonly anyOf: readonly string[];
}

export interface SearchQuery {
  readonly type: string;
  readonly ids?: readonly string[];
  /** Any of these. */
  readonly identifiers?: readonly IdentifierQuery[];
  /** Record owner: the Patient compartment(s) to stay in. */
  readonly patientIds?: readonly string[];
  /** Names (Patient, Practitioner, Organization, Location, Group) that must all agree. */
  readonly names?: readonly NameQuery[];
  readonly lastUpdated?: readonly { readonly op: 'ge' | 'gt' | 'le' | 'lt' | 'eq'; readonly instant: string }[];
  readonly includeEvidence?: boolean;
  readonly count: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface SearchPage {
  readonly resources: readonly StoredResource[];
  readonly next: string | undefined;
}

/** One record on its way in: transformed, not yet visible. */
export interface ImportRow {
  readonly type: string;
  readonly id: string;
  readonly text: string;
  readonly patientId: string | undefined;
  /** SHA-256 (hex) of `text`: an unchanged one makes no new version. */
  readonly contentHash: string;
  readonly identifiers: readonly Identifier[];
  readonly evidence?: boolean;
  /** Line of the file, from 1: named when the row is refused as a second, different record of the same id. */
  readonly line?: number;
}

export interface RefusedLine {
  readonly file: number;
  readonly line: number;
  /** A reason of `fhir/refusals.ts`. */
  readonly reason: string;
  /** Where it is known; else the line counts for the type of its file. */
  readonly type?: string;
}

/** How far a file has come. */
export interface FilePosition {
  readonly line: number;
  readonly offset: number;
}

export interface FileBatch {
  readonly exchangeId: string;
  /** Number of the file within the exchange, from 0. */
  readonly file: number;
  readonly refused: readonly RefusedLine[];
  /** The checkpoint that this batch begins at: a batch that does not continue the file is refused. */
  readonly from: FilePosition;
  /** Where the next batch of this file begins; committed together with what the batch stages. */
  readonly checkpoint: FilePosition;
}

export interface ImportBatch extends FileBatch {
  readonly rows: readonly ImportRow[];
  /** How many References of these rows nothing delivered answers, by type of the target. */
  readonly openReferences: ReadonlyMap<string, number>;
}

/** What a payer says it deleted: under the id there, and under the local one that is derived from it. */
export interface DeletionTarget extends ResourceKey {
  readonly originalId: string;
}

export interface DeletionBatch extends FileBatch {
  readonly targets: readonly DeletionTarget[];
}

export interface DeletionCounts {
  readonly deleted: number;
  /** Named and here, but not this payer's to take away, or delivered by the same exchange. */
  readonly kept: number;
  /** Nothing of that id is here. */
  readonly unknown: number;
}

export interface ImportCounts {
  readonly new: number;
  readonly updated: number;
  readonly unchanged: number;
}

/** One delivered line as the first pass over the files sees it. */
export interface DeliveredResource {
  readonly type: string;
  readonly originalId: string;
  readonly identifiers: readonly Identifier[];
}

export interface TypeCounts extends ImportCounts {
  readonly type: string;
  readonly received: number;
  readonly refused: number;
  readonly deleted: number;
  /** Deletions that took nothing away: as in `DeletionCounts`. */
  readonly deletionsKept: number;
  readonly deletionsUnknown: number;
}

export interface FhirStore {
  read(type: string, id: string): Promise<StoredResource | undefined>;
  vread(type: string, id: string, versionId: string): Promise<StoredResource | undefined>;
  history(type: string, id: string): Promise<readonly StoredResource[]>;
  search(query: SearchQuery): Promise<SearchPage>;
  /**
   * All or nothing, one publication. An unchanged text makes no new version. Throws `version-conflict` (If-Match),
   * `not-found` (deletion of what never was), `conflict` (creation with an id in use), `request-invalid` (one resource twice).
   */
  write(writes: readonly Write[]): Promise<readonly WriteResult[]>;

  /** Everything about these members, newest version each, ordered by type and id; unbounded, streamed. */
  memberCompartment(query: CompartmentQuery): AsyncIterable<StoredResource>;
  /** These resources as of an instant, streamed; unknown ones are left out. */
  readMany(keys: readonly ResourceKey[], instants?: Instants): AsyncIterable<StoredResource>;
  /** Ids of the visible resources of the type that carry the identifier. */
  findByIdentifier(type: string, identifier: IdentifierQuery): Promise<readonly ResourceKey[]>;
  /** The Patients linked with this one (`seealso`), itself included: all compartments of one member. */
  linkedPatients(patientId: string): Promise<readonly string[]>;
  /** An instant which every visible publication precedes or equals, and every later one follows. */
  freeze(): Promise<string>;

  /** First pass: remembers what a file delivers; the same entries again change nothing. */
  indexDelivered(exchangeId: string, file: number, entries: readonly DeliveredResource[]): Promise<void>;
  /** Counts and reports lines that never come as far as a batch; the same lines again change nothing. */
  refuseLines(exchangeId: string, lines: readonly RefusedLine[]): Promise<void>;
  /** Which of these (type, original id) this exchange delivers. */
  delivered(
    exchangeId: string,
    keys: readonly { readonly type: string; readonly originalId: string }[],
  ): Promise<ReadonlySet<string>>;
  /** The original id of the one delivered resource that carries the identifier; undefined for none or several. */
  deliveredByIdentifier(exchangeId: string, type: string, identifier: Identifier): Promise<string | undefined>;
  /** Which of these resources are visible already. */
  visible(keys: readonly ResourceKey[]): Promise<ReadonlySet<string>>;

  /**
   * Stages rows and moves the checkpoint in one transaction. A second, different record of the same id is refused as
   * `duplicate-id`. Throws `conflict` where the checkpoint is not `from`, `cancelled` after `removeImport`.
   */
  importBatch(batch: ImportBatch): Promise<ImportCounts>;
  /**
   * Stages tombstones, and moves the checkpoint as `importBatch` does. Only what an exchange brought is taken away, never
   * a Patient nor what this exchange delivers, and a shared record only where it came for no other member.
   */
  deleteBatch(batch: DeletionBatch): Promise<DeletionCounts>;
  /** Stages records of our own making (DocumentReference, Provenance); replaces staged ones of the same id. */
  stageGenerated(exchangeId: string, rows: readonly ImportRow[]): Promise<void>;
  /**
   * New and changed records staged by this exchange, without generated and deleted ones, and shared ones that its payer delivers
   * for this member for the first time; ordered by type and id.
   */
  stagedKeys(exchangeId: string): AsyncIterable<ResourceKey>;
  /** Ids of the records of our own making of that type which this exchange staged or published, ordered. */
  generatedIds(exchangeId: string, type: string): Promise<readonly string[]>;
  importCounts(exchangeId: string): Promise<readonly TypeCounts[]>;
  refusedLines(exchangeId: string, limit: number): Promise<readonly RefusedLine[]>;
  /**
   * Makes everything staged visible at one instant, and links the local Patient with the imported one; running it again
   * answers the same instant. The exchange's row says so from the same transaction on. Throws `patient-unknown` where the local Patient is gone, `cancelled` after `removeImport`.
   */
  publish(
    exchangeId: string,
    link: { readonly localPatientId: string; readonly importedPatientId: string } | undefined,
  ): Promise<string>;
  /** Takes away everything that the exchange staged: records, kept files, counts. Throws `conflict` once it is published. */
  removeImport(exchangeId: string): Promise<void>;
}

/** The word under which a resource stands in a set of keys. */
export const keyOf = (key: ResourceKey): string => `${key.type}/${key.id}`;
