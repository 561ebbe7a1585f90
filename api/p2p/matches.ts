import { Router } from 'express';
import { z } from 'zod';
import type { ExportJobStore } from '../../store/export-jobs.ts';
import type { MatchRecord, MatchStore } from '../../store/matches.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import { jsonSchema } from './definition-part.ts';
import { COMMON_ERRORS } from './definition-paths.ts';
import { readInput } from './p2p-error.ts';
import type { Json, P2pPart } from './part.ts';

export interface MatchesDeps {
  readonly matches: MatchStore;
  readonly jobs: ExportJobStore;
  readonly runs: ExportRuns;
  /** Until a failed export is forgotten. */
  readonly expirySeconds: number;
}

const MOST = 1000;

const query = z.strictObject({
  client: z.string().min(1).optional(),
  patient: z.string().min(1).optional(),
  after: z.string().min(1).optional(),
  count: z.coerce.number().int().min(1).max(MOST).default(100),
});

/** Ids, times and the policy: nothing that the Consent says of a person. */
const match = z.strictObject({
  id: z.string(),
  clientId: z.string(),
  patientId: z.string(),
  policy: z.enum(['regular', 'sensitive']),
  periodStart: z.iso.datetime().nullable(),
  periodEnd: z.iso.datetime().nullable(),
  matchedAt: z.iso.datetime(),
  withdrawnAt: z.iso.datetime().nullable(),
  hasCoverageToLink: z.boolean(),
});
const list = z.strictObject({ matches: z.array(match), next: z.string().nullable() });

/** `/api/matches`: which partner has matched whom under which consent, and the end of it. */
export function matchesPart(deps: MatchesDeps): P2pPart {
  const { matches } = deps;
  const router = Router();
  router.get('/api/matches', async (req, res) => {
    const { client: clientId, patient: patientId, after, count } = readInput(query, req.query);
    const found = await matches.list({ clientId, patientId, after, count });
    const next = found.length < count ? null : (found.at(-1)?.id ?? null);
    res.json({ matches: found.map(shown), next });
  });
  router.delete('/api/matches/:id', async (req, res) => {
    const ended = await matches.end(req.params.id);
    await endExports(deps, ended);
    res.json(shown(ended));
  });
  return { router, paths: PATHS, schemas: { Match: jsonSchema(match, 'output') } };
}

/** Files are closed already, since each asks for the consent; what is being written ends now. */
async function endExports({ jobs, runs, expirySeconds }: MatchesDeps, ended: MatchRecord): Promise<void> {
  const expiresAt = new Date(Date.now() + expirySeconds * 1000);
  for (const id of await jobs.underWayFor(ended.clientId, ended.patientId)) {
    await jobs.failUnfinished(id, expiresAt, 'consent-withdrawn');
    await runs.cancel(id);
  }
}

function shown({ id, clientId, patientId, policy, hasCoverageToLink, ...times }: MatchRecord): z.infer<typeof match> {
  const { periodStart, periodEnd, matchedAt, withdrawnAt } = times;
  return {
    ...{ id, clientId, patientId, policy, hasCoverageToLink, matchedAt: matchedAt.toISOString() },
    periodStart: periodStart?.toISOString() ?? null,
    periodEnd: periodEnd?.toISOString() ?? null,
    withdrawnAt: withdrawnAt?.toISOString() ?? null,
  };
}

const answer = (description: string, schema: Json): Json => ({
  description,
  content: { 'application/json': { schema } },
});
const parameter = (name: string, description: string): Json => ({
  ...{ name, in: 'query', description, schema: { type: 'string' } },
});
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const tags = ['/api/matches'];

const PATHS: Readonly<Record<string, Json>> = {
  '/api/matches': {
    description: 'Members that partners have matched, and under which consent.',
    get: {
      ...{ operationId: 'listMatches', summary: 'Those of a partner, of a member, or all, by id', tags },
      parameters: [
        parameter('client', 'client id of the partner'),
        parameter('patient', 'id of the Patient'),
        parameter('after', '`next` of the page before'),
        { ...parameter('count', 'matches in one page'), schema: { type: 'integer', minimum: 1, maximum: MOST } },
      ],
      responses: {
        '200': answer('One page', jsonSchema(list, 'output')),
        '400': answer('A parameter is wrong', ref('Error')),
        ...COMMON_ERRORS,
      },
    },
  },
  '/api/matches/{id}': {
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    delete: {
      operationId: 'withdrawMatch',
      summary: 'Withdraw the consent: reads, exports under way and their files are closed at once',
      tags,
      responses: {
        '200': answer('Withdrawn, now or before', ref('Match')),
        '404': answer('There is none of this id', ref('Error')),
        ...COMMON_ERRORS,
      },
    },
  },
};
