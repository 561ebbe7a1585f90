import { Router } from 'express';
import type { NextFunction, Request, Response } from 'express';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { NDJSON_TYPE } from '../../fhir/document-reference.ts';
import type { BlobStore } from '../../store/blobs.ts';
import type { ExchangeFileStore } from '../../store/exchange-files.ts';
import { readKept } from '../../store/kept-content.ts';
import { callerOfRequest } from '../auth.ts';
import { byteRange } from '../byte-range.ts';
import { FHIR_JSON } from '../outcome.ts';

export interface KeptBinaryDeps {
  readonly files: ExchangeFileStore;
  readonly blobs: BlobStore;
}

/**
 * `GET Binary/<id>` of a received file: the operator's evidence, which no partner reaches. FHIR JSON where `Accept` asks for
 * it or says nothing, else the raw bytes with Range (http://hl7.org/fhir/R4/binary.html#rest).
 */
export function keptBinaryRouter({ files, blobs }: KeptBinaryDeps): Router {
  const router = Router();
  router.get('/Binary/:id', async (req: Request<{ id: string }>, res: Response, next: NextFunction) => {
    const file = callerOfRequest(res).kind === 'operator' ? await files.published(req.params.id) : undefined;
    if (file === undefined) {
      next();
      return;
    }
    if (wantsFhir(req)) {
      res.setHeader('Content-Type', FHIR_JSON);
      await pipeline(Readable.from(asResource(req.params.id, readKept(blobs, file))), res);
      return;
    }
    res.setHeader('Content-Type', NDJSON_TYPE);
    res.setHeader('Accept-Ranges', 'bytes');
    const range = byteRange(req.headers.range, file.keptBytes ?? 0);
    range.setHead(res);
    if (range.isEmpty) res.end();
    else await pipeline(Readable.from(readKept(blobs, file, range.start, range.end)), res);
  });
  return router;
}

function wantsFhir(req: Request): boolean {
  const accept = req.headers.accept ?? '*/*';
  return /\*\/\*|json/.test(accept) && !accept.includes('ndjson');
}

/** Base64 goes out in multiples of three bytes, so that no padding stands in the middle. */
async function* asResource(id: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  yield `{"resourceType":"Binary","id":${JSON.stringify(id)},"contentType":"${NDJSON_TYPE}","data":"`;
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of bytes) {
    const joined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = joined.length - (joined.length % 3);
    yield Buffer.from(joined.subarray(0, whole)).toString('base64');
    rest = Uint8Array.from(joined.subarray(whole));
  }
  yield `${Buffer.from(rest).toString('base64')}"}`;
}
