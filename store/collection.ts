import { z } from 'zod';

const position = z.object({
  number: z.int().nonnegative(),
  /** Of the transfer blob, up to here. */
  bytes: z.int().nonnegative(),
  /** The same where the present request began: where it begins anew if its pages get lost. */
  bytesBefore: z.int().nonnegative(),
});

/** How far a synchronous export has been read: saved after each page, together with nothing but itself. */
export const collectionState = z.object({
  /** Relative to the payer's base. */
  requests: z.array(z.string()),
  /** Index of the one that is being read; all are read where it is their number. */
  request: z.int().nonnegative(),
  /** Absolute URL of its next page; absent: its first. */
  next: z.string().optional(),
  pages: z.int().nonnegative(),
  restarts: z.int().nonnegative(),
  /** By type; OperationOutcomes under their own name. */
  files: z.record(z.string(), position),
});
export type CollectionState = Readonly<z.infer<typeof collectionState>>;

export const newCollection = (requests: readonly string[]): CollectionState => ({
  ...{ requests: [...requests], request: 0, pages: 0, restarts: 0, files: {} },
});
