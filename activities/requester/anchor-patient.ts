import { ERRORS, ExchangeError } from '../../fhir/errors.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { transformForImport } from '../../fhir/import-transform.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { ImportRow } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { generatedRow } from './generated-row.ts';
import { rowOf } from './import-batch.ts';

/**
 * Makes sure that the compartment has its Patient: delivered now or before, else read from the payer, else a minimal one
 * that says no more than who it is there.
 */
export async function anchorPatient(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  context: ExchangeContext,
  signal: AbortSignal,
): Promise<void> {
  const { fhir, exchanges } = deps;
  const { anchorPatientId } = context;
  if ((await fhir.known(exchange.id, [{ type: 'Patient', id: anchorPatientId }])).size > 0) return;
  const read = await readFromPayer(deps, exchange, context, signal);
  if (read === undefined) {
    await exchanges.addWarning(exchange.id, {
      code: 'patient-minimal',
      text: 'The export held no Patient and the responding payer gave none; a minimal one holds the records.',
    });
  }
  await fhir.stageGenerated(exchange.id, [read ?? minimalPatient(context)]);
}

async function readFromPayer(
  { payer, peer }: RequesterDeps,
  exchange: ExchangeRecord,
  context: ExchangeContext,
  signal: AbortSignal,
): Promise<ImportRow | undefined> {
  try {
    const text = await peer(await payer(exchange), signal).read('Patient', context.memberId);
    // What the Patient refers to (its general practitioner) was not delivered with it, as far as anybody knows.
    const result = transformForImport(text, { ...context, resolve: () => false, resolveIdentifier: () => undefined });
    return result.kind === 'resource' ? rowOf(context, result) : undefined;
  } catch (error) {
    // Refused for good; what may pass is tried again with the whole step.
    if (error instanceof ExchangeError && ERRORS[error.code].retry === 'never') return undefined;
    throw error;
  }
}

function minimalPatient({
  anchorPatientId,
  memberId,
  responderIdentifierSystem,
  metaSource,
  migratedTag,
  extraPatientIdentifier,
}: ExchangeContext): ImportRow {
  const original = { system: responderIdentifierSystem, value: memberId };
  const mdm: unknown = extraPatientIdentifier === undefined ? undefined : JSON.parse(extraPatientIdentifier);
  const patient = {
    resourceType: 'Patient',
    id: anchorPatientId,
    meta: { source: metaSource, tag: [migratedTag] },
    identifier: mdm === undefined ? [original] : [original, mdm],
  };
  return generatedRow(patient, anchorPatientId);
}
