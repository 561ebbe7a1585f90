import { Router } from 'express';
import { z } from 'zod';
import type { ExportJob, ExportJobStore } from '../../store/export-jobs.ts';
import { jsonSchema } from './definition-part.ts';
import { COMMON_ERRORS } from './definition-paths.ts';
import { readInput } from './p2p-error.ts';
import type { Json, P2pPart } from './part.ts';

const MOST = 1000;

const query = z.strictObject({
  client: z.string().min(1).optional(),
  count: z.coerce.number().int().min(1).max(MOST).default(100),
});

/** Counts alone tell of records. */
const exportJob = z.strictObject({
  id: z.string(),
  clientId: z.string(),
  state: z.enum(['accepted', 'running', 'complete', 'failed', 'deleted']),
  /** Of docs/errors.md. */
  reason: z.string().nullable(),
  createdAt: z.iso.datetime(),
  transactionTime: z.iso.datetime().nullable(),
  expiresAt: z.iso.datetime().nullable(),
  /** By type, then by reason. */
  withheld: z.record(z.string(), z.record(z.string(), z.int().min(0))),
});

/** `/api/exports`: exports for partners, newest first, and how much was withheld from each, which no partner is told. */
export function exportsPart(jobs: ExportJobStore): P2pPart {
  const router = Router();
  router.get('/api/exports', async (req, res) => {
    const { client, count } = readInput(query, req.query);
    res.json({ exports: (await jobs.newest(count, client)).map(shown) });
  });
  return { router, paths: PATHS, schemas: { ExportJob: jsonSchema(exportJob, 'output') } };
}

function shown({ id, clientId, state, createdAt, withheld, ...rest }: ExportJob): z.infer<typeof exportJob> {
  return {
    ...{ id, clientId, state, reason: rest.reason ?? null, createdAt: createdAt.toISOString() },
    transactionTime: rest.transactionTime ?? null,
    expiresAt: rest.expiresAt?.toISOString() ?? null,
    withheld: Object.fromEntries(Object.entries(withheld).map(([type, counts]) => [type, { ...counts }])),
  };
}

const schema = {
  type: 'object',
  required: ['exports'],
  properties: { exports: { type: 'array', items: { $ref: '#/components/schemas/ExportJob' } } },
};
const json = (description: string, content: Json): Json => ({
  description,
  content: { 'application/json': { schema: content } },
});

const PATHS: Readonly<Record<string, Json>> = {
  '/api/exports': {
    description: 'Exports for partners.',
    get: {
      ...{ operationId: 'listExports', summary: 'The newest ones, of a partner or of all', tags: ['/api/exports'] },
      parameters: [
        { name: 'client', in: 'query', description: 'client id of the partner', schema: { type: 'string' } },
        { name: 'count', in: 'query', schema: { type: 'integer', minimum: 1, maximum: MOST } },
      ],
      responses: {
        '200': json('Found', schema),
        '400': json('A parameter is wrong', { $ref: '#/components/schemas/Error' }),
        ...COMMON_ERRORS,
      },
    },
  },
};
