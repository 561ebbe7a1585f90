import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import { byteRange } from '../byte-range.ts';
import { assertConsents, assertFileConsents } from './export-consents.ts';
import type { ExportConsents } from './export-consents.ts';
import { ownJob } from './export-status.ts';
import { onlyMethods } from './only-methods.ts';

export interface ExportFileDeps extends ExportConsents {
  readonly parts: Pick<ExportPartStore, 'read'>;
}

/** `GET` of an exported file: whole, gzipped, or a range of it; consent is asked for again each time. */
export function exportFileRouter(deps: ExportFileDeps): Router {
  const { jobs, parts } = deps;
  const router = Router();
  router.all('/export-file/:job/:type/:number', onlyMethods('GET', 'HEAD'));
  router.get(
    '/export-file/:job/:type/:number',
    async (req: Request<{ job: string; type: string; number: string }>, res) => {
      const { type, number } = req.params;
      const job = await ownJob(jobs, req.params.job, res);
      const file = /^\d{1,6}$/.test(number) ? await jobs.file(job.id, type, Number(number)) : undefined;
      if (job.state === 'failed' && job.reason === 'consent-withdrawn') throw new ExchangeError(job.reason);
      if (job.state !== 'complete' || file === undefined) throw new ExchangeError('not-found');
      await assertConsents(job, deps);
      await assertFileConsents(job, file, deps);
      await sendFile(req as Request, res, file, parts);
    },
  );
  return router;
}

async function sendFile(req: Request, res: Response, file: ExportFile, parts: ExportFileDeps['parts']): Promise<void> {
  const etag = `"${file.sha256.slice(0, 32)}"`;
  res.setHeader('Content-Type', 'application/fhir+ndjson');
  res.setHeader('Vary', 'Accept-Encoding');
  res.setHeader('Accept-Ranges', 'bytes');
  if (req.get('Range') === undefined && req.acceptsEncodings(['gzip', 'identity']) === 'gzip') {
    res.setHeader('Content-Encoding', 'gzip');
    res.setHeader('ETag', etag.replace(/"$/, '-gzip"'));
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    await pipeline(Readable.from(parts.read(file, 0, file.bytes)), createGzip({ level: 1 }), res);
    return;
  }
  res.setHeader('ETag', etag);
  const ifRange = req.get('If-Range');
  const range = byteRange(ifRange === undefined || ifRange === etag ? req.get('Range') : undefined, file.bytes);
  range.setHead(res);
  if (range.isEmpty || req.method === 'HEAD') res.end();
  else await pipeline(Readable.from(parts.read(file, range.start, range.end)), res);
}
