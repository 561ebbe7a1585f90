import { Router } from 'express';
import { z } from 'zod';
import { BATCH_STATUSES, batchStatus, readBundleRequest } from '../../fhir/batch-job.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { BatchJobStore } from '../../store/batch-jobs.ts';
import type { ExchangeStore, OpenExchange } from '../../store/exchanges.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { OidcServers } from '../../store/partners.ts';
import type { TaskStore } from '../../store/tasks.ts';
import type { Exchanges } from '../../temporal/exchanges.ts';
import { WORKFLOWS } from '../../workflows/contract.ts';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import { bodyJson } from '../body.ts';
import { organizationOf } from '../requester/find-payer.ts';
import { localPatient } from '../requester/local-patient.ts';
import { BATCH_JOB_PATHS } from './batch-job-paths.ts';
import { jsonSchema } from './definition-part.ts';
import { readInput } from './p2p-error.ts';
import type { P2pPart } from './part.ts';
import { pidOf } from './pid.ts';

export interface BatchJobDeps {
  readonly servers: OidcServers;
  readonly exchanges: ExchangeStore;
  readonly tasks: TaskStore;
  readonly batchJobs: BatchJobStore;
  readonly fhir: FhirStore;
  readonly runs: Exchanges;
  readonly limits: (payer: OidcServer) => ExchangeLimits;
  /** System of the identifier that a local patient must have exactly once; absent: not asked for. */
  readonly referenceSystem: string | undefined;
}

const patientId = z
  .string()
  .transform((text) => text.replace(/^Patient\//, ''))
  .refine(isFhirId, 'the id of a Patient, or Patient/<id>');

const input = z.strictObject({
  sourcePayer: z
    .strictObject({
      oidcToken: z
        .string()
        .min(1)
        .optional()
        .describe("The member's access token at the payer. Absent: our own is used."),
      oidcRefreshToken: z.string().min(1).optional().describe('Refreshes oidcToken while the exchange runs.'),
      fhirBundleRequest: z
        .string()
        .min(1)
        .optional()
        .describe(
          "What to ask the payer for, relative to its FHIR endpoint: an export, Patient/<id>/$everything or a search. Absent: an export of the member's records.",
        ),
      patientId: patientId.optional().describe('Id of the member at the payer. Absent: as the token says it.'),
    })
    .default({}),
  targetPayer: z.strictObject({
    patientId: patientId.describe('Id of our own Patient.'),
    organizationId: z.string().min(1).optional().describe('Id or identifier value of our Organization.'),
  }),
});
type Input = z.infer<typeof input>;

const job = z.strictObject({
  batchJobId: z.int().min(1),
  batchStatus: z.enum(BATCH_STATUSES),
  startTime: z.iso.datetime().nullable().describe('When it came out of the queue.'),
  createTime: z.iso.datetime(),
  endTime: z.iso.datetime().nullable(),
  lastUpdated: z.iso.datetime(),
  jobConfigurationName: z.string(),
  taskId: z.string().describe('The Task of the FHIR API, with counts and references.'),
});

/** `/api/oidc_servers/{id}/batch_job`: an exchange for one member, begun by a portal. */
export function batchJobPart(deps: BatchJobDeps): P2pPart {
  const { servers, exchanges, batchJobs, runs } = deps;
  const router = Router();

  router.post('/api/oidc_servers/:pid/batch_job', async (req, res) => {
    const payer = await servers.read(pidOf(req));
    const exchange = await exchangeOf(readInput(input, bodyJson(req)), payer, deps);
    const { taskId } = await exchanges.open(exchange);
    const id = await batchJobs.numberOf(taskId, payer.pid);
    await runs.start({ taskId, payerPid: payer.pid, limits: deps.limits(payer), skipMatch: true });
    res.json(await shown(id, taskId, deps));
  });

  router.get('/api/oidc_servers/:pid/batch_job/:job', async (req, res) => {
    const { pid } = await servers.read(pidOf(req));
    const id = pidOf(req, 'job');
    const taskId = await batchJobs.taskOf(id, pid);
    if (taskId === undefined) throw new ExchangeError('not-found');
    res.json(await shown(id, taskId, deps));
  });

  return {
    router,
    paths: BATCH_JOB_PATHS,
    schemas: { BatchJobInput: jsonSchema(input, 'input'), BatchJob: jsonSchema(job, 'output') },
  };
}

async function exchangeOf(
  { sourcePayer, targetPayer }: Input,
  payer: OidcServer,
  deps: BatchJobDeps,
): Promise<OpenExchange> {
  const { oidcToken, oidcRefreshToken, fhirBundleRequest } = sourcePayer;
  const asked = fhirBundleRequest === undefined ? undefined : readBundleRequest(fhirBundleRequest, payer.fhirEndpoint);
  if (asked?.patientId !== undefined && (sourcePayer.patientId ?? asked.patientId) !== asked.patientId) {
    throw invalid('sourcePayer.patientId', 'The member that fhirBundleRequest names, or none.');
  }
  const member = sourcePayer.patientId ?? asked?.patientId;
  const isPortals = oidcToken !== undefined || oidcRefreshToken !== undefined;
  if (member === undefined && !isPortals && !readsMember(payer)) {
    throw invalid('sourcePayer.patientId', 'The id of the member at the payer: no token names it.');
  }
  const expression = 'targetPayer.patientId';
  const localPatientId = await localPatient({ id: targetPayer.patientId, expression }, deps);
  const targetOrganizationId = await targetOrganization(targetPayer.organizationId, deps.fhir);
  return {
    ...{
      payerPid: payer.pid,
      organizationId: await payersOrganization(payer, deps.fhir),
      localPatientId,
      warnings: [],
    },
    request: {
      exportEntries: asked?.exportEntries ?? [],
      ...(member !== undefined && { member: { id: member } }),
      ...(asked !== undefined && { asked: asked.asked }),
      ...(isPortals && { access: 'portal' as const }),
      ...(targetOrganizationId !== undefined && { targetOrganizationId }),
    },
    ...(isPortals && { portalTokens: { accessToken: oidcToken, refreshToken: oidcRefreshToken } }),
  };
}

/** A bare name of `customTokenParams` is read from our own token's answer. */
function readsMember({ customTokenParams = '' }: OidcServer): boolean {
  return customTokenParams.split(',').some((entry) => entry.trim() !== '' && !entry.includes('='));
}

/** @throws ExchangeError `payer-unknown` */
async function payersOrganization({ organizationId }: OidcServer, fhir: FhirStore): Promise<string> {
  const id = organizationId === undefined ? undefined : await organizationOf(organizationId, fhir);
  if (id === undefined)
    throw new ExchangeError('payer-unknown', { diagnostics: 'No Organization of the payer is in the store.' });
  return id;
}

async function targetOrganization(idOrValue: string | undefined, fhir: FhirStore): Promise<string | undefined> {
  if (idOrValue === undefined) return undefined;
  const id = await organizationOf(idOrValue, fhir);
  if (id !== undefined) return id;
  throw new ExchangeError('request-unprocessable', {
    expression: 'targetPayer.organizationId',
    diagnostics: 'The id or one identifier value of an Organization in the store.',
  });
}

function invalid(expression: string, diagnostics: string): ExchangeError {
  return new ExchangeError('request-invalid', { expression, diagnostics });
}

async function shown(batchJobId: number, taskId: string, deps: BatchJobDeps): Promise<z.infer<typeof job>> {
  const [task, exchange] = [await deps.tasks.read(taskId), await deps.exchanges.load(taskId)];
  const hasEnded = ['completed', 'failed', 'cancelled'].includes(task.status);
  const endTime = hasEnded ? task.lastModified : null;
  return {
    ...{ batchJobId, batchStatus: batchStatus(task.status, exchange.cancelRequestedAt !== undefined) },
    ...{ startTime: exchange.startedAt ?? null, createTime: exchange.createdAt, endTime },
    ...{ lastUpdated: task.lastModified, jobConfigurationName: WORKFLOWS.invokeExport, taskId },
  };
}
