import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { readMatchAnswer } from '../../fhir/match-answer.ts';
import { printParameters, readParameters } from '../../fhir/parameters.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import type { RequesterDeps } from './deps.ts';

/** HRex `$member-match` at the responding payer; the member's Patient id there goes to the exchange's row. */
export function matchMember({ exchanges, payer, peer }: RequesterDeps) {
  return async (taskId: string): Promise<void> => {
    const exchange = await exchanges.load(taskId);
    if (exchange.memberPatientId !== undefined) return;
    const { matchParameters } = exchange.request;
    if (matchParameters === undefined) throw new ExchangeError('internal', { detail: 'No match parameters are kept.' });
    const definition = await payer(exchange.payerPid);
    const client = peer(definition, cancellationSignal());
    const answer = readMatchAnswer(await client.memberMatch(matchParameters));
    const id = answer.patientId ?? (await memberByIdentifier(client, answer.identifier));
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
  client: PeerClient,
  identifier: { readonly system?: string; readonly value: string } | undefined,
): Promise<string> {
  if (identifier === undefined) throw new ExchangeError('member-not-matched', { detail: 'Nothing names the member.' });
  return (await client.readPatientByIdentifier(identifier)).id;
}

function postedPatient({ request }: ExchangeRecord, base: string): string | undefined {
  const entries = readParameters(printParameters(request.exportEntries));
  const reference = entries.find((entry) => entry.name === 'patient')?.value['valueReference'];
  if (typeof reference !== 'object' || reference === null || !('reference' in reference)) return undefined;
  const parsed = typeof reference.reference === 'string' ? parseReference(reference.reference, base) : undefined;
  return parsed?.kind === 'literal' ? parsed.id : undefined;
}
