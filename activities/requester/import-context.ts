import { identifiersOf } from '../../fhir/identifiers.ts';
import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { RequesterDeps } from './deps.ts';

export async function exchangeContext(
  { fhir, payer, settings }: RequesterDeps,
  exchange: ExchangeRecord,
): Promise<ExchangeContext> {
  const definition = await payer(exchange);
  const local = await fhir.read('Patient', exchange.localPatientId);
  const memberId = exchange.memberPatientId ?? '';
  const ids = { organization: exchange.organizationId, localPatientId: exchange.localPatientId, memberId };
  const mdm = local === undefined ? undefined : mdmIdentifier(local.text, settings.mdmPatientIdentifier);
  return {
    ...ids,
    anchorPatientId: importedId({ ...ids, memberId: '', anchorPatientId: '' }, 'Patient', memberId),
    peerBase: definition.fhirEndpoint,
    responderIdentifierSystem: definition.responderIdentifierSystem ?? settings.responderIdentifierSystem,
    migratedTag: settings.migratedTag,
    metaSource: definition.fhirEndpoint,
    ...(mdm !== undefined && { extraPatientIdentifier: mdm }),
  };
}

const IDENTIFIER_TYPES = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** The local patient's identifier by which the received Patient can be matched with it; absent where none is configured. */
function mdmIdentifier(
  localPatient: string,
  configured: { readonly system: string; readonly type: string } | undefined,
): string | undefined {
  const patient: unknown = JSON.parse(localPatient);
  if (configured === undefined || !isRecord(patient)) return undefined;
  const found = identifiersOf(patient).find(({ system }) => system === configured.system);
  if (found === undefined) return undefined;
  const type = { coding: [{ system: IDENTIFIER_TYPES, code: configured.type }] };
  return JSON.stringify({ type, system: found.system, value: found.value });
}
