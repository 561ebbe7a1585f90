import type { ExchangeContext } from '../../fhir/import-transform.ts';
import type { FhirStore, ImportRow, OpenTarget, RefusedLine } from '../../store/fhir-store.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';

/** What the preparation of lines asks the store. */
export type TargetStore = Pick<FhirStore, 'known' | 'broughtByIdentifier'>;

export type ImportedFile = Pick<ExchangeFile, 'exchangeId' | 'number' | 'type'>;

export interface ReceivedLine {
  /** Of the file as received, from 1. */
  readonly number: number;
  /** Empty where it is too long. */
  readonly bytes: Uint8Array;
  readonly tooLong: boolean;
}

export type PreparedRow = ImportRow & { readonly content: Uint8Array };

export interface PreparedBatch {
  readonly rows: readonly PreparedRow[];
  readonly refused: readonly RefusedLine[];
  readonly openTargets: readonly OpenTarget[];
}

/** Where received lines become rows: beside the thread that talks to Postgres and to Temporal. */
export interface ImportThreads {
  /** A place for one exchange, which remembers what has come; it is to be closed. */
  open(exchangeId: string, context: ExchangeContext, store: TargetStore): Promise<ImportThread>;
}

export interface ThreadedBatch extends PreparedBatch {
  /** The contents of the rows are not looked at any more: their memory can be used anew. */
  release(): void;
}

export interface ImportThread {
  /** Lines of one file as rows to stage; batches are prepared in the order in which they are given. */
  prepare(file: ImportedFile, lines: readonly ReceivedLine[]): Promise<ThreadedBatch>;
  close(): void;
}
