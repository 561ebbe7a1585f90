import { Buffer } from 'node:buffer';
import type { StoredMeta } from './stored-text.ts';

/*
 * `withStoredMeta` for what sends very many records as they are: on the bytes of a text, without a string of it.
 */

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const META = Buffer.from('"meta":{"');

/** What goes to where `metaStart` says. */
export function metaStamp({ versionId, lastUpdated }: StoredMeta): Buffer {
  return Buffer.from(`"versionId":${JSON.stringify(versionId)},"lastUpdated":${JSON.stringify(lastUpdated)},`);
}

/**
 * Where the first property of the root's `meta` begins; -1 where it is not found as servers write it: one word without
 * white space, and something in it. Only for texts that have no mark of `meta` (`record-marks.ts`).
 */
export function metaStart(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      if (depth === 1 && isMeta(bytes, at, end)) return at + META.length - 1;
      at = closingQuote(bytes, at, end);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return -1;
}

/** A key: a value of the same text has no colon behind it. */
function isMeta(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + META.length > end) return false;
  for (let at = 0; at < META.length; at++) if (bytes[start + at] !== META[at]) return false;
  return true;
}

function closingQuote(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
