import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { ExchangeError } from '../../fhir/errors.ts';
import { decodeUtf8, linesOfChunks } from '../../fhir/ndjson.ts';
import type { Line, LineLimits } from '../../fhir/ndjson.ts';
import { decodeStream } from '../../peer/decode-stream.ts';
import { unwrapBinary } from '../../peer/unwrap-binary.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';

/** Of error files, so many lines and bytes are kept for the Task. */
const MOST_OUTCOMES = 1000;
const MOST_OUTCOME_BYTES = 1024 * 1024;

/** A heartbeat is sealed and sent: one for each of these costs nothing, one for each chunk more than the chunk. */
const BEAT_BYTES = 8 * 1024 * 1024;

/** What of a file says how its bytes are read. */
export type FileForm = Pick<ExchangeFile, 'list' | 'type' | 'contentEncoding'>;

export interface Inspection {
  readonly lines: number;
  readonly bytes: number;
  /** Of the bytes as received, without a Content-Encoding: hex, base64. */
  readonly sha256: string;
  readonly sha1: string;
  /** The NDJSON came inside a FHIR Binary. */
  readonly isWrapped: boolean;
  /** The payer's own OperationOutcomes (error files). */
  readonly outcomes: readonly string[];
}

/** The NDJSON of the bytes of a transfer. */
export function decoded(
  bytes: AsyncIterable<Uint8Array>,
  { type, contentEncoding }: FileForm,
  onWrapped?: () => void,
): AsyncIterable<Uint8Array> {
  return unwrapBinary(decodeStream(bytes, contentEncoding), type, onWrapped);
}

/**
 * Reads the bytes of a transfer to their end: whole or damaged, their sums, how many lines.
 * @throws ExchangeError `file-damaged`
 */
export async function lookThrough(
  bytes: AsyncIterable<Uint8Array>,
  form: FileForm,
  limits: LineLimits,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Inspection> {
  const sha256 = createHash('sha256');
  const sha1 = createHash('sha1');
  const outcomes = new Outcomes();
  let lines = 0;
  let size = 0;
  let isWrapped = false;
  const summed = async function* (): AsyncGenerator<Uint8Array> {
    let beaten = 0;
    for await (const chunk of decoded(bytes, form, () => (isWrapped = true))) {
      sha256.update(chunk);
      sha1.update(chunk);
      size += chunk.length;
      if (size >= beaten + BEAT_BYTES) onBytes((beaten = size));
      yield chunk;
    }
  };
  for await (const some of linesOfChunks(summed(), limits)) {
    for (const line of some) {
      if (line.bytes.length === 0 && !line.tooLong) continue;
      lines++;
      assertWhole(line);
      if (form.list === 'error') outcomes.add(line);
    }
  }
  const sums = { sha256: sha256.digest('hex'), sha1: sha1.digest('base64') };
  return { lines, bytes: size, ...sums, isWrapped, outcomes: outcomes.texts };
}

/** A file that is looked through while it arrives. */
export interface Passing {
  take(bytes: Uint8Array): Promise<void>;
  /** Behind the last of its bytes. Undefined where something is wrong with them: who looks again is told what it is. */
  end(): Promise<Inspection | undefined>;
  /** The file breaks off. */
  drop(): void;
}

/** So many bytes wait to be looked through at the most, beside those that are. */
const WAITING_BYTES = 1024 * 1024;

export function lookThroughPassing(form: FileForm, limits: LineLimits): Passing {
  const bytes = new PassThrough({ highWaterMark: WAITING_BYTES });
  bytes.on('error', () => undefined);
  const looked = lookThrough(bytes, form, limits).catch(() => undefined);
  return {
    async take(piece) {
      if (bytes.destroyed || bytes.write(piece)) return;
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          bytes.off('drain', goOn).off('close', goOn);
          resolve();
        };
        bytes.on('drain', goOn).on('close', goOn);
      });
    },
    async end() {
      bytes.end();
      return looked;
    },
    drop: () => void bytes.destroy(),
  };
}

/** A last line without a newline is whole if it is JSON; else the file was cut inside it. */
function assertWhole(line: Line): void {
  if (line.terminated || line.tooLong) return;
  try {
    JSON.parse(decodeUtf8(line.bytes) ?? '');
  } catch {
    throw new ExchangeError('file-damaged', { detail: `The file ends inside line ${line.number}.` });
  }
}

class Outcomes {
  readonly texts: string[] = [];
  #bytes = 0;

  add({ bytes, tooLong }: Line): void {
    if (tooLong || this.texts.length >= MOST_OUTCOMES) return;
    this.#bytes += bytes.length;
    if (this.#bytes <= MOST_OUTCOME_BYTES) this.texts.push(decodeUtf8(bytes) ?? '');
  }
}
