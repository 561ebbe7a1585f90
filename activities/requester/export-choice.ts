import { ERRORS, ExchangeError } from '../../fhir/errors.ts';
import { exportForms, parameterNames } from '../../fhir/export-form.ts';
import type { ExportForm } from '../../fhir/export-form.ts';
import type { AskedRequest } from '../../fhir/batch-job.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import { readCapabilities } from '../../fhir/payer-capabilities.ts';
import type { PayerCapabilities } from '../../fhir/payer-capabilities.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import type { Token } from '../../peer/token.ts';
import { refusedForms } from '../../store/payer-knowledge.ts';
import type { PayerKnowledge } from '../../store/payer-knowledge.ts';
import type { RequesterDeps } from './deps.ts';

/** How old what we know of a CapabilityStatement may be. */
const CAPABILITIES_MS = 24 * 3600 * 1000;

export interface ExportChoice {
  /** To be tried in this order. */
  readonly forms: readonly ExportForm[];
  readonly capabilities: PayerCapabilities | undefined;
  readonly known: PayerKnowledge;
}

/** The payer's definition decides; else what it says of itself, what worked, and what its token reaches. */
export async function exportChoice(
  { knowledge }: RequesterDeps,
  client: PeerClient,
  payer: OidcServer,
  request: {
    readonly patientId: string;
    readonly entries: readonly string[];
    readonly token: Token;
    readonly asked: AskedRequest | undefined;
  },
): Promise<ExportChoice> {
  const known = await knowledge.load(payer);
  const capabilities = await currentCapabilities(knowledge, client, payer, known);
  const tokenBound = request.token.patient === request.patientId;
  const forms =
    request.asked?.forms.filter((form) => form !== 'token-bound' || tokenBound) ??
    exportForms({
      ...{ configured: payer.exportForm, capabilities, worked: known.export?.form, tokenBound },
      parameters: parameterNames(request.entries),
      refused: refusedForms(known, Date.now()),
    });
  return { forms, capabilities, known };
}

/** What the payer says of itself, from less than a day ago; undefined where it says nothing that can be read. */
export async function currentCapabilities(
  knowledge: RequesterDeps['knowledge'],
  client: PeerClient,
  payer: OidcServer,
  known: PayerKnowledge,
): Promise<PayerCapabilities | undefined> {
  const { capabilities } = known;
  if (capabilities !== undefined && Date.now() - Date.parse(capabilities.readAt) < CAPABILITIES_MS) {
    return { ...capabilities, software: capabilities.software, fhirVersion: capabilities.fhirVersion };
  }
  try {
    const read = readCapabilities(await client.capabilities());
    const { exportForms: named, ...rest } = read;
    await knowledge.learn(payer, {
      capabilities: { ...rest, exportForms: [...named], readAt: new Date().toISOString() },
    });
    return read;
  } catch (error) {
    // A payer without a readable CapabilityStatement is asked in the standard's way.
    if (error instanceof ExchangeError && ERRORS[error.code].retry === 'never') return undefined;
    throw error;
  }
}
