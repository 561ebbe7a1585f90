import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { readMatchAnswer } from '../../fhir/match-answer.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import { printParameters, readParameters } from '../../fhir/parameters.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import type { RequesterDeps } from './deps.ts';
import { matchBody } from './match-body.ts';

/** HRex `$member-match` at the responding payer; the member's Patient id there goes to the exchange's row. */
export function matchMember(deps: RequesterDeps) {
  return async (taskId: string): Promise<void> => {
    const { exchanges, knowledge } = deps;
    const exchange = await exchanges.load(taskId);
    if (exchange.memberPatientId !== undefined) return;
    const definition = await deps.payer(exchange);
    const client = deps.peer(definition, cancellationSignal());
    const answer = readMatchAnswer(await client.memberMatch(await matchBody(deps, exchange, definition)));
    await knowledge.learn(definition, { matchAnswer: answer.patientId === undefined ? 'identifier' : 'id' });
    const id = answer.patientId ?? (await memberByIdentifier(deps, definition, client, answer.identifier));
    await exchanges.change(taskId, { memberPatientId: id });
    const posted = postedPatient(exchange, definition.fhirEndpoint);
    if (posted !== undefined && posted !== id) {
      await exchanges.addWarning(taskId, {
        code: 'patient-differs',
        text: 'The matched member is another than the patient of the posted export parameters; the match was taken.',
      });
    }
  };
}

/** An answer with nothing but a business identifier: the Patient that carries it (pdex-200). */
export async function memberByIdentifier(
  { knowledge }: RequesterDeps,
  payer: OidcServer,
  client: PeerClient,
  identifier: { readonly system?: string; readonly value: string } | undefined,
): Promise<string> {
  if (identifier === undefined) throw new ExchangeError('member-not-matched', { detail: 'Nothing names the member.' });
  const { id, method } = await client.readPatientByIdentifier(identifier);
  await knowledge.learn(payer, { lookup: method });
  return id;
}

function postedPatient({ request }: ExchangeRecord, base: string): string | undefined {
  const entries = readParameters(printParameters(request.exportEntries));
  const reference = entries.find((entry) => entry.name === 'patient')?.value['valueReference'];
  if (typeof reference !== 'object' || reference === null || !('reference' in reference)) return undefined;
  const parsed = typeof reference.reference === 'string' ? parseReference(reference.reference, base) : undefined;
  return parsed?.kind === 'literal' ? parsed.id : undefined;
}
