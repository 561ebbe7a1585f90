import { matchParameters } from '../../unit/support/payer-session.ts';
import type { ExchangeRequest } from '../../../store/exchanges.ts';
import type { ExchangeLimits } from '../../../workflows/contract.ts';
import { LOCAL_PATIENT, RESPONDING_ORGANIZATION, TEST_LIMITS } from './requester.ts';
import type { Requester } from './requester.ts';

/** Opens an exchange and starts its run, as the API does; answers the Task's id. */
export async function startExchange(
  requester: Requester,
  request: Partial<ExchangeRequest> = { matchParameters: JSON.stringify(matchParameters()) },
  limits: Partial<ExchangeLimits> = {},
  payerPid = 1,
): Promise<string> {
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid, organizationId: RESPONDING_ORGANIZATION, localPatientId: LOCAL_PATIENT, warnings: [] },
    request: { exportEntries: [], ...request },
  });
  const skipMatch = request.matchParameters === undefined;
  await requester.runs.start({ taskId, payerPid, limits: { ...TEST_LIMITS, ...limits }, skipMatch });
  return taskId;
}
