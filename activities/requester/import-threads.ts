import type { FhirStore } from '../../store/fhir-store.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ReceivedLine, PreparedBatch } from './import-batch.ts';
import type { ExchangeContext } from './import-context.ts';

/** What the preparation of lines asks the store. */
export type TargetStore = Pick<FhirStore, 'known' | 'broughtByIdentifier'>;

export type ImportedFile = Pick<ExchangeFile, 'exchangeId' | 'number' | 'type'>;

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
