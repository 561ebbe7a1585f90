import { cancellationSignal } from '@temporalio/activity';
import type { ExportForm } from '../../fhir/bulk-data.ts';
import { ERRORS, ExchangeError } from '../../fhir/errors.ts';
import { advertisedExportForm } from '../../fhir/export-form.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import { PeerError } from '../../peer/peer-error.ts';
import type { RequesterDeps } from './deps.ts';
import { memberByIdentifier } from './match-member.ts';

const REPEATED = {
  code: 'kick-off-repeated',
  text: 'The answer to a kick-off was lost; the export was kicked off again, and the payer may have run it twice.',
};

/** Kicks the export off, once: a status URL that is known already is the one that is polled. */
export function startExport({ exchanges, payer, peer }: RequesterDeps) {
  return async (taskId: string): Promise<void> => {
    const exchange = await exchanges.load(taskId);
    if (exchange.statusUrl !== undefined) return;
    const definition = await payer(exchange.payerPid);
    const client = peer(definition, cancellationSignal());
    const patientId =
      exchange.memberPatientId ?? (await memberByIdentifier(client, exchange.request.member?.identifier));
    const form = await exportForm(definition, client);
    if (exchange.kickOffIntent) await exchanges.addWarning(taskId, REPEATED);
    await exchanges.change(taskId, { memberPatientId: patientId, kickOffIntent: true, kickOffForm: form });
    try {
      const { statusUrl } = await client.startExport({ form, patientId, entries: exchange.request.exportEntries });
      await exchanges.change(taskId, { statusUrl, kickOffIntent: false });
    } catch (error) {
      // The payer has answered, and started nothing.
      if (error instanceof PeerError) await exchanges.change(taskId, { kickOffIntent: false });
      throw error;
    }
  };
}

/** The payer's definition decides, else its CapabilityStatement, else the standard. */
async function exportForm(definition: OidcServer, client: PeerClient): Promise<ExportForm> {
  if (definition.exportForm !== undefined) return definition.exportForm;
  try {
    return advertisedExportForm(await client.capabilities());
  } catch (error) {
    // A payer without a readable CapabilityStatement is asked in the standard's way.
    if (error instanceof ExchangeError && ERRORS[error.code].retry === 'never') return 'type-level';
    throw error;
  }
}
