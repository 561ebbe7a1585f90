import type { ImportedFile } from '../activities/requester/import-threads.ts';
import type { ExchangeContext } from '../fhir/import-transform.ts';
import type { ResourceKey } from '../store/fhir-store.ts';
import type { PackedBatch, PackedLines } from './packed.ts';

/** To the thread. A session is one exchange's place in it. */
export type ToThread =
  | { readonly kind: 'open'; readonly session: number; readonly exchangeId: string; readonly context: ExchangeContext }
  | {
      readonly kind: 'prepare';
      readonly session: number;
      readonly batch: number;
      readonly file: ImportedFile;
      readonly lines: PackedLines;
    }
  | { readonly kind: 'close'; readonly session: number }
  /** Of a batch that is through. */
  | { readonly kind: 'memory'; readonly memory: ArrayBuffer }
  | { readonly kind: 'answer'; readonly question: number; readonly answer: StoreAnswer }
  | { readonly kind: 'no-answer'; readonly question: number };

export type FromThread =
  | {
      readonly kind: 'prepared';
      readonly batch: number;
      readonly prepared: PackedBatch;
      /** Of the lines. */
      readonly memory: ArrayBuffer;
    }
  | { readonly kind: 'failed'; readonly batch: number; readonly name: string; readonly stack: string }
  | { readonly kind: 'ask'; readonly session: number; readonly question: number; readonly ask: StoreQuestion };

/** A method of the store, and what it is given. */
export type StoreQuestion =
  | { readonly method: 'known'; readonly exchangeId: string; readonly keys: readonly ResourceKey[] }
  | {
      readonly method: 'broughtByIdentifier';
      readonly exchangeId: string;
      readonly type: string;
      readonly system: string;
      readonly value: string;
    };

export type StoreAnswer = ReadonlySet<string> | string | undefined;
