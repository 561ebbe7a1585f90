import { Router } from 'express';
import { readInvokeExport } from '../../fhir/invoke-export.ts';
import type { InvokeExportRequest, Naming } from '../../fhir/invoke-export.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import { profileWarnings } from '../../fhir/profile-warnings.ts';
import { renderTask } from '../../fhir/task.ts';
import type { ExchangeStore } from '../../store/exchanges.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { TaskStore } from '../../store/tasks.ts';
import type { Exchanges } from '../../temporal/exchanges.ts';
import type { ExchangeLimits, InvokeExportInput } from '../../workflows/contract.ts';
import { requireOperator } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendResource } from '../outcome.ts';
import { findPayer } from './find-payer.ts';
import { localPatient } from './local-patient.ts';

export interface InvokeExportDeps {
  readonly exchanges: ExchangeStore;
  readonly tasks: TaskStore;
  readonly fhir: FhirStore;
  readonly runs: Exchanges;
  readonly payers: () => Promise<readonly OidcServer[]>;
  readonly limits: (payer: OidcServer) => ExchangeLimits;
  /** `PUBLIC_URL/fhir`. */
  readonly baseUrl: string;
  /** System of the identifier that a local patient must have exactly once; absent: not asked for. */
  readonly referenceSystem: string | undefined;
}

/** `POST Patient/$sdh.s2s.invoke-export` and its alias: writes the exchange, starts its run, answers its Task. */
export function invokeExportRouter(deps: InvokeExportDeps): Router {
  const router = Router();
  router.post(['/Patient/$sdh.s2s.invoke-export', '/Patient/$invoke-export'], requireOperator, async (req, res) => {
    const request = readInvokeExport(bodyText(req), deps.baseUrl);
    const { payer, organizationId } = await findPayer(request, await deps.payers(), deps.fhir);
    const localPatientId = await localPatient(request.localPatient, deps);
    const opened = await deps.exchanges.open({
      ...{ payerPid: payer.pid, organizationId, localPatientId },
      request: {
        ...(request.matchParameters !== undefined && { matchParameters: request.matchParameters }),
        exportEntries: request.exportEntries,
        ...(request.member !== undefined && { member: memberOf(request.member) }),
      },
      warnings: profileWarnings(request, new Date()),
    });
    await deps.runs.start(runInput(opened.taskId, payer, request, deps.limits(payer)));
    const task = renderTask(await deps.tasks.read(opened.taskId));
    res.setHeader('Content-Location', `Task/${opened.taskId}`);
    sendResource(res, 200, task);
  });
  return router;
}

function runInput(
  taskId: string,
  payer: OidcServer,
  request: InvokeExportRequest,
  limits: ExchangeLimits,
): InvokeExportInput {
  return { taskId, payerPid: payer.pid, limits, skipMatch: request.matchParameters === undefined };
}

function memberOf({ id, identifier }: Naming): {
  readonly id?: string;
  readonly identifier?: { readonly system?: string; readonly value: string };
} {
  return { ...(id !== undefined && { id }), ...(identifier !== undefined && { identifier }) };
}
