import { timingSafeEqual } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import express from 'express';
import { z } from 'zod';

export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  /** Origins of the Web UI, the only pages that may ask. */
  readonly origins: readonly string[];
  /** Whether a request may read: an operator's bearer token, or `tokenInPath`. */
  readonly isAuthorized: (request: express.Request) => boolean | Promise<boolean>;
}

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const bodySchema = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() })),
});

/** The Web UI's remote codec: `POST /decode` for people who may read what the histories keep encrypted. */
export function createCodecRouter({ codec, origins, isAuthorized }: CodecServerOptions): express.Router {
  const router = express.Router({ mergeParams: true });
  router.use((request, response, next) => {
    const { origin } = request.headers;
    response.setHeader('Vary', 'Origin');
    if (origin !== undefined && origins.includes(origin)) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Allow-Methods', 'POST');
      response.setHeader('Access-Control-Allow-Headers', 'content-type,x-namespace,authorization');
      response.setHeader('Access-Control-Allow-Credentials', 'true');
    }
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  });
  router.post('/decode', express.json({ limit: '16mb' }), async (request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    if (!(await isAuthorized(request))) {
      response.status(401).end();
      return;
    }
    const body = bodySchema.safeParse(request.body);
    if (!body.success) {
      response.status(400).end();
      return;
    }
    try {
      response.json({ payloads: (await codec.decode(body.data.payloads)).map(toJson) });
    } catch {
      // A key that is not ours, or changed bytes: nothing more to say to whoever asks.
      response.status(422).end();
    }
  });
  return router;
}

/** For a router that is mounted at a path ending in `/:token`: the embedded server's UI can send nothing else. */
export function tokenInPath(token: string): (request: express.Request) => boolean {
  const expected = Buffer.from(token, 'utf8');
  return (request) => {
    const { token: given } = request.params;
    const bytes = Buffer.from(typeof given === 'string' ? given : '', 'utf8');
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  };
}

function toJson(payload: Awaited<ReturnType<PayloadCodec['decode']>>[number]): unknown {
  const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  const metadata = Object.entries(payload.metadata ?? {}).map(([name, bytes]) => [name, text(bytes)] as const);
  return { metadata: Object.fromEntries(metadata), data: text(payload.data) };
}
