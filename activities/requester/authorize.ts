import { cancellationSignal } from '@temporalio/activity';
import type { RequesterDeps } from './deps.ts';

/** What a history may know of a token: never the token. */
export interface Authorization {
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly scope: string;
}

/** Obtains an access token into the sealed cache, so that a refusal shows before anything of the member is sent. */
export function authorize({ exchanges, payer, tokens }: RequesterDeps) {
  return async (taskId: string): Promise<Authorization> => {
    const exchange = await exchanges.load(taskId);
    const token = await tokens.get(await payer(exchange), cancellationSignal());
    if (token.narrowed) {
      await exchanges.addWarning(taskId, {
        code: 'scope-narrowed',
        text: 'The responding payer granted less scope than was asked for.',
      });
    }
    const { request } = exchange;
    if (request.matchParameters === undefined && exchange.memberPatientId === undefined) {
      // A bare custom parameter, or `patient`, names the member where the request does not (contract: customTokenParams).
      const named = Object.values(token.custom)[0] ?? token.patient;
      const id = request.member?.id ?? (request.member === undefined ? named : undefined);
      if (id !== undefined) await exchanges.change(taskId, { memberPatientId: id });
    }
    return { expiresAt: token.expiresAt, scope: token.scope };
  };
}
