/**
 * The storage boundary of member records: what the rest of Carryover may ask of a FHIR store.
 *
 * The embedded default is `postgres/`; one contract test runs against every adapter.
 * Texts are JSON of one resource, kept as they were given: nothing is re-printed on the way in or out.
 */
import type { RecordMarks, Unmarked } from '../fhir/record-marks.ts';
import type { BulkQuery, RecordBatch } from './record-batch.ts';
import type { RecordRun, RunQuery } from './record-run.ts';
import type { HistoryQuery, IdentifierQuery, SearchPage, SearchQuery, SearchScope } from './search-query.ts';

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

export interface TypedIdentifier extends Identifier {
  readonly type: string;
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
  /** Tombstones too: what an export with `_since` lists as deleted; `only` for them alone. */
  readonly includeDeleted?: boolean | 'only';
  /** Only what stands behind this one in the order of type and id. */
  readonly after?: ResourceKey | undefined;
}

/** One record on its way in: transformed, not yet visible. Its marks are those of its content. */
export interface ImportRow extends RecordMarks {
  readonly type: string;
  readonly id: string;
  /** The text, or its UTF-8. */
  readonly content: string | Uint8Array;
  readonly patientId: string | undefined;
  /** SHA-256 (hex) of the content: an unchanged one makes no new version. */
  readonly contentHash: string;
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
  /** What these rows point to and nothing has brought yet. */
  readonly openTargets: readonly OpenTarget[];
}

export interface DeletionBatch extends FileBatch {
  /** What the payer says it deleted, under the ids that are derived from those there. */
  readonly targets: readonly ResourceKey[];
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

/** What a line points to, and nothing has brought yet. */
export interface OpenTarget {
  readonly type: string;
  /** At the responding payer; of what is found by a search or lies elsewhere, a digest of `url`. */
  readonly originalId: string;
  /** Of the file as received, from 1. */
  readonly line: number;
  /** The id that it has here once it comes; undefined where only a search can tell. */
  readonly localId: string | undefined;
  readonly url?: string | undefined;
  readonly contentType?: string | undefined;
}

export type MissingTarget = Omit<OpenTarget, 'line'>;

/** A line whose record is made anew, since something that it points to has come after it. */
export interface LineKey {
  readonly file: number;
  readonly line: number;
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
  /** Newest first. */
  history(type: string, id: string, query?: HistoryQuery): Promise<readonly StoredResource[]>;
  search(query: SearchQuery): Promise<SearchPage>;
  /** How many a search would find. */
  count(scope: SearchScope): Promise<number>;
  /**
   * All or nothing, one publication. An unchanged text makes no new version. Throws `version-conflict` (If-Match),
   * `not-found` (deletion of what never was), `conflict` (creation with an id in use), `request-invalid` (one resource twice).
   */
  write(writes: readonly Write[]): Promise<readonly WriteResult[]>;

  /** Everything about these members, newest version each, ordered by type and id; unbounded, streamed. */
  memberCompartment(query: CompartmentQuery): AsyncIterable<StoredResource>;
  /**
   * Records of one type, newest version each, some hundred at a time: compartment by compartment, or everybody's and
   * nobody's. A connection is held until the reader has come to the end.
   */
  recordsOfType(type: string, query: BulkQuery): AsyncIterable<RecordBatch>;
  /** The same records as runs, for what asks nothing of most of them but where they stand. */
  runsOfType(type: string, query: RunQuery): AsyncIterable<readonly RecordRun[]>;
  /** The records of such runs, one by one; texts that `unmarked` decides of are not read. */
  recordsOfRuns(type: string, runs: readonly RecordRun[], unmarked: Unmarked): AsyncIterable<RecordBatch>;
  /**
   * Which of the types these compartments, or all records, may hold something of, and about how many of each: none that is
   * left out is there.
   */
  presentTypes(types: readonly string[], patientIds?: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** These resources as of an instant, streamed; unknown ones are left out. */
  readMany(keys: readonly ResourceKey[], instants?: Instants): AsyncIterable<StoredResource>;
  /** Ids of the visible resources of the type that carry the identifier. */
  findByIdentifier(type: string, identifier: IdentifierQuery): Promise<readonly ResourceKey[]>;
  /** Of each the one that `findByIdentifier` finds; undefined where it finds none, or several. */
  findEachByIdentifier(wanted: readonly TypedIdentifier[]): Promise<readonly (ResourceKey | undefined)[]>;
  /** The Patients linked with this one (`seealso`), itself included: all compartments of one member. */
  linkedPatients(patientId: string): Promise<readonly string[]>;
  /** The same of several at once, by their ids. */
  linkedPatientsOf(patientIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** An instant which every visible publication precedes or equals, and every later one follows. */
  freeze(): Promise<string>;

  /** Which of these resources this exchange has brought so far, or are visible already. */
  known(exchangeId: string, keys: readonly ResourceKey[]): Promise<ReadonlySet<string>>;
  /** Id here of the one resource brought by this exchange that carries the identifier; undefined for none or several. */
  broughtByIdentifier(exchangeId: string, type: string, identifier: Identifier): Promise<string | undefined>;
  /** What lines point to, nobody brought and nobody was asked for, of the types that are accepted; ordered by type and id. */
  missingTargets(
    exchangeId: string,
    wanted: { readonly accepts: (type: string) => boolean; readonly limit: number },
  ): Promise<readonly MissingTarget[]>;
  /** The payer was asked for these. */
  markTried(exchangeId: string, targets: readonly MissingTarget[]): Promise<void>;
  /** How many it was asked for. */
  triedTargets(exchangeId: string): Promise<number>;
  /** Targets that only a search can find, each with its URL. */
  searchedTargets(exchangeId: string): Promise<readonly MissingTarget[]>;
  /** Says which resource here such a target is. */
  foundTarget(exchangeId: string, target: MissingTarget, found: ResourceKey): Promise<void>;
  /** The next lines, ordered, that point to something which has come since. */
  settleableLines(exchangeId: string, limit: number): Promise<readonly LineKey[]>;
  /** Replaces the staged texts of these lines, and takes what has come of their targets off the list. */
  restage(exchangeId: string, rows: readonly ImportRow[], lines: readonly LineKey[]): Promise<void>;
  /** Counts what is still open as references that nothing answers. */
  countOpenTargets(exchangeId: string): Promise<void>;
  /** Which of these resources are visible already. */
  visible(keys: readonly ResourceKey[]): Promise<ReadonlySet<string>>;

  /**
   * Stages rows and moves the checkpoint in one transaction. A second, different record of the same id is refused as
   * `duplicate-id`. Throws `unavailable` where the checkpoint is not `from`, `cancelled` after `removeImport`.
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
   * for this member for the first time; ordered by type and id; of these types alone where they are given.
   */
  stagedKeys(exchangeId: string, types?: readonly string[]): AsyncIterable<ResourceKey>;
  /**
   * Stages records of our own making about all that `stagedKeys` names (`Type/id`), in its order, one for each `size` of
   * them: all or none. Replaces staged ones of the same id.
   */
  stageAbout(
    exchangeId: string,
    size: number,
    about: (keys: readonly string[], page: number) => ImportRow,
  ): Promise<void>;
  /** The text of a record that this exchange staged. */
  stagedText(exchangeId: string, key: ResourceKey): Promise<string | undefined>;
  /** The `versionId` that what this exchange staged will have. */
  stagedVersion(exchangeId: string): Promise<string>;
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
