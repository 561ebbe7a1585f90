import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { exportBlob } from '../../store/export-jobs.ts';
import type { MatchStore } from '../../store/matches.ts';
import type { ExportFile, ExportJob, ExportJobStore } from '../../store/export-jobs.ts';
import { byteRange } from '../byte-range.ts';
import { ownJob } from './export-status.ts';

export interface ExportFileDeps {
  readonly jobs: ExportJobStore;
  readonly blobs: BlobStore;
  readonly matches: MatchStore;
  readonly now: () => Date;
}

/** `GET` of an exported file: whole, gzipped, or a range of it; consent is asked for again each time. */
export function exportFileRouter(deps: ExportFileDeps): Router {
  const { jobs, blobs } = deps;
  const router = Router();
  router.get(
    '/export-file/:job/:type/:number',
    async (req: Request<{ job: string; type: string; number: string }>, res) => {
      const { type, number } = req.params;
      const job = await ownJob(jobs, req.params.job, res);
      const file = /^\d{1,6}$/.test(number) ? await jobs.file(job.id, type, Number(number)) : undefined;
      if (job.state !== 'complete' || file === undefined) throw new ExchangeError('not-found');
      await assertConsents(job, deps);
      await sendFile(req as Request, res, file, blobs);
    },
  );
  return router;
}

/** A file holds records of all members of its job: it goes out only while every one of them consents. */
async function assertConsents(job: ExportJob, { matches, now }: ExportFileDeps): Promise<void> {
  if (job.isOperator) return;
  const inForce = await matches.inForce(job.clientId, now(), job.patientIds);
  if (inForce.length < new Set(job.patientIds).size) throw new ExchangeError('consent-withdrawn');
}

async function sendFile(req: Request, res: Response, file: ExportFile, blobs: BlobStore): Promise<void> {
  const blob = exportBlob(file.jobId, file.type, file.number);
  const etag = `"${file.sha256.slice(0, 32)}"`;
  res.setHeader('Content-Type', 'application/fhir+ndjson');
  res.setHeader('Vary', 'Accept-Encoding');
  res.setHeader('Accept-Ranges', 'bytes');
  if (req.get('Range') === undefined && req.acceptsEncodings(['gzip', 'identity']) === 'gzip') {
    res.setHeader('Content-Encoding', 'gzip');
    res.setHeader('ETag', etag.replace(/"$/, '-gzip"'));
    await pipeline(Readable.from(blobs.read(blob)), createGzip({ level: 1 }), res);
    return;
  }
  res.setHeader('ETag', etag);
  const ifRange = req.get('If-Range');
  const range = byteRange(ifRange === undefined || ifRange === etag ? req.get('Range') : undefined, file.bytes);
  range.setHead(res);
  if (range.isEmpty) res.end();
  else await pipeline(Readable.from(blobs.read(blob, range.start, range.end)), res);
}
