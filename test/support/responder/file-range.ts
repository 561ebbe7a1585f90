export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/**
 * RFC 9110 §14: one byte range, or `undefined` for the whole file (no range, several, malformed, or an
 * `If-Range` that is no strong match).
 */
export function chooseRange(
  range: string | undefined,
  ifRange: string | undefined,
  etag: string | undefined,
  length: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (ifRange !== undefined && (ifRange !== etag || ifRange.startsWith('W/'))) return undefined;
  if (from === '') {
    const wanted = Math.min(Number(to), length);
    return wanted === 0 ? 'unsatisfiable' : { start: length - wanted, end: length - 1 };
  }
  const start = Number(from);
  if (to !== '' && Number(to) < start) return undefined;
  if (start >= length) return 'unsatisfiable';
  return { start, end: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
}
