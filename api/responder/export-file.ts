import { createGzip } from 'node:zlib';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportFile } from '../../store/export-files.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import { byteRange } from '../byte-range.ts';
import { assertConsents, assertFileConsents } from './export-consents.ts';
import type { ExportConsents } from './export-consents.ts';
import { ownJob } from './export-status.ts';
import { onlyMethods } from './only-methods.ts';
import { begun, sendChunks } from './send-chunks.ts';

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
      // Where no member is named, one consent will do, and those that the file holds records under are asked for below.
      if (job.level === 'members' || file.consents.length === 0) await assertConsents(job, deps);
      await assertFileConsents(job, file, deps);
      const source = {
        file,
        read: (start: number, end: number) => whileConsented(parts.read(file, start, end), job, file, deps),
      };
      await sendFile(req as Request, res, source);
    },
  );
  return router;
}

interface Source {
  readonly file: ExportFile;
  read(start: number, end: number): AsyncIterable<Buffer>;
}

const LOOK_AGAIN_MS = 2000;

/** A reader may take its time: one whose consent ends meanwhile gets no more, and sees that its file is not whole. */
async function* whileConsented(
  chunks: AsyncIterable<Buffer>,
  job: ExportJob,
  file: ExportFile,
  deps: ExportConsents,
): AsyncGenerator<Buffer> {
  let lookedAt = deps.now().getTime();
  for await (const chunk of chunks) {
    if (deps.now().getTime() - lookedAt >= LOOK_AGAIN_MS) {
      await assertFileConsents(job, file, deps);
      lookedAt = deps.now().getTime();
    }
    yield chunk;
  }
}

async function sendFile(req: Request, res: Response, { file, read }: Source): Promise<void> {
  const etag = `"${file.digest.slice(0, 32)}"`;
  const isHead = req.method === 'HEAD';
  if (req.get('Range') === undefined && req.acceptsEncodings(['gzip', 'identity']) === 'gzip') {
    const body = isHead ? undefined : await begun(read(0, file.bytes));
    setHead(res, etag.replace(/"$/, '-gzip"'));
    res.setHeader('Content-Encoding', 'gzip');
    if (body === undefined) res.end();
    else await sendChunks(body, res, createGzip({ level: 1 }));
    return;
  }
  const ifRange = req.get('If-Range');
  const range = byteRange(ifRange === undefined || ifRange === etag ? req.get('Range') : undefined, file.bytes);
  const body = range.isEmpty || isHead ? undefined : await begun(read(range.start, range.end));
  setHead(res, etag);
  range.setHead(res);
  if (body === undefined) res.end();
  else await sendChunks(body, res);
}

function setHead(res: Response, etag: string): void {
  res.setHeader('Content-Type', 'application/fhir+ndjson');
  res.setHeader('Vary', 'Accept-Encoding');
  res.setHeader('Accept-Ranges', 'bytes');
  res.setHeader('ETag', etag);
}
