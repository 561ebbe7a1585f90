import type { Response } from 'express';

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Nothing of it is there (416). */
  readonly isEmpty: boolean;
  /** Sets status, Content-Length and Content-Range. */
  setHead(res: Response): void;
}

/** The one range of bytes that a Range header asks for (RFC 9110 §14.2); everything where it asks for none, or for several. */
export function byteRange(header: string | undefined, size: number): ByteRange {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') {
    return {
      start: 0,
      end: size,
      isEmpty: size === 0,
      setHead: (res) => void res.setHeader('Content-Length', String(size)),
    };
  }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start >= end) {
    return {
      start: 0,
      end: 0,
      isEmpty: true,
      setHead: (res) => void res.status(416).setHeader('Content-Range', `bytes */${size}`),
    };
  }
  return {
    ...{ start, end, isEmpty: false },
    setHead(res) {
      res.status(206).setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`);
      res.setHeader('Content-Length', String(end - start));
    },
  };
}
