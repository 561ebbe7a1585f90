import path from 'node:path';
import type { DataConverter } from '@temporalio/common';
import type { EncryptionKey } from '../seal.ts';
import { createCodec } from './codec.ts';

/** The bundle of the workflows needs it as well. */
export const failureConverterPath = path.join(import.meta.dirname, 'failure-converter.cjs');

/** For every client, worker, replay and script: one that leaves it out writes or reads plain text. */
export function createDataConverter(keys: readonly EncryptionKey[]): DataConverter {
  return { payloadCodecs: [createCodec(keys)], failureConverterPath };
}
