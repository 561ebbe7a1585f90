import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { belongsToMember } from '../../fhir/compartment.ts';
import { demographicDifferences } from '../../fhir/demographic-differences.ts';
import { documentReferenceId, documentReferenceOf } from '../../fhir/document-reference.ts';
import type { KeptFile } from '../../fhir/document-reference.ts';
import { PROVENANCE_TARGETS, provenanceId, provenanceTexts } from '../../fhir/provenance.ts';
import type { ProvenanceContext } from '../../fhir/provenance.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { readKept } from '../../store/kept-content.ts';
import type { ImportRow } from '../../store/fhir-store.ts';
import type { ImportSettings, RequesterDeps } from './deps.ts';
import { anchorPatient } from './anchor-patient.ts';
import { generatedRow, generatedTextRow } from './generated-row.ts';
import { exchangeContext } from './import-context.ts';
import { linkKnown } from './link-known.ts';
import { settleReferences } from './settle-references.ts';

/** A DocumentReference may hold the whole of a small file: so many bytes are staged at once. */
const DOCUMENTS_AT_ONCE = 2 * 1024 * 1024;

export interface PublishedImport {
  /** Records that the exchange left visible. */
  readonly resources: number;
}

/** Adds what we say of the records (kept files, Provenance, the Patient that holds them) and makes all of it visible at once. */
export function publishImport(deps: RequesterDeps) {
  return async (taskId: string): Promise<PublishedImport> => {
    const { exchanges, fhir } = deps;
    const exchange = await exchanges.load(taskId);
    const link = exchange.publishedAt === undefined ? await stageOwn(deps, exchange) : undefined;
    // Also where it is published already: a try that ended right behind that has not tidied up.
    await fhir.publish(taskId, link);
    const counts = await fhir.importCounts(taskId);
    return { resources: counts.reduce((sum, count) => sum + count.new + count.updated + count.unchanged, 0) };
  };
}

/** Answers the Patients to link. */
async function stageOwn(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
): Promise<{ readonly localPatientId: string; readonly importedPatientId: string }> {
  const context = await exchangeContext(deps, exchange);
  const { localPatientId, anchorPatientId: importedPatientId } = context;
  const recorded = new Date().toISOString();
  await settleReferences(deps, exchange, context);
  await anchorPatient(deps, exchange, context, cancellationSignal());
  await reportDemographics(deps, exchange, importedPatientId);
  await linkKnown(deps, exchange, context);
  const documents = await stageDocuments(deps, exchange, importedPatientId, recorded);
  await stageProvenance(deps, exchange, importedPatientId, recorded, documents);
  return { localPatientId, importedPatientId };
}

/** One DocumentReference per file of the manifest's output; answers their references. */
async function stageDocuments(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  importedPatientId: string,
  date: string,
): Promise<readonly string[]> {
  const files = (await deps.files.list(exchange.id)).filter((file) => file.list === 'output');
  let rows: ImportRow[] = [];
  let bytes = 0;
  for (const file of files) {
    const document = documentReferenceOf(await keptFile(deps, exchange, file, importedPatientId, date));
    const row = { ...generatedRow(document, importedPatientId), evidence: true };
    rows.push(row);
    bytes += row.content.length;
    if (bytes < DOCUMENTS_AT_ONCE && file !== files.at(-1)) continue;
    await deps.fhir.stageGenerated(exchange.id, rows);
    heartbeat({ document: file.number });
    rows = [];
    bytes = 0;
  }
  return files.map((file) => `DocumentReference/${documentReferenceId(exchange.id, file.number)}`);
}

async function keptFile(
  { blobs, settings }: RequesterDeps,
  exchange: ExchangeRecord,
  file: ExchangeFile,
  importedPatientId: string,
  date: string,
): Promise<KeptFile> {
  const size = file.keptBytes ?? 0;
  const parts: Uint8Array[] = [];
  const isInline = size <= settings.attachmentInlineBytes;
  if (isInline) for await (const part of readKept(blobs, file)) parts.push(part);
  return {
    ...{ exchangeId: exchange.id, fileIndex: file.number, resourceType: file.type ?? 'Resource', date, size },
    patient: `Patient/${importedPatientId}`,
    respondingOrganization: `Organization/${exchange.organizationId}`,
    ...ownOrganization(exchange, settings),
    sha1Base64: file.keptSha1 ?? '',
    originalSha256: file.sha256 ?? '',
    ...(isInline && { bytes: Buffer.concat(parts) }),
  };
}

/** The payer that the records are for: the one that the request names, else ours. */
function ownOrganization(
  { request }: ExchangeRecord,
  { ownOrganizationId }: ImportSettings,
): { readonly ownOrganization?: string } {
  const id = request.targetOrganizationId ?? ownOrganizationId;
  return id === undefined ? {} : { ownOrganization: `Organization/${id}` };
}

/**
 * Pages of Provenance over what the exchange brought new or changed; an exchange that changed nothing gets none. Where
 * configured, with versions of the member's own records: a shared one may get another exchange's.
 */
async function stageProvenance(
  { fhir, settings }: RequesterDeps,
  exchange: ExchangeRecord,
  importedPatientId: string,
  recorded: string,
  documents: readonly string[],
): Promise<void> {
  const context: ProvenanceContext = {
    ...{ exchangeId: exchange.id, profile: settings.provenanceProfile, recorded, documents },
    ...(exchange.transactionTime !== undefined && { occurred: exchange.transactionTime }),
    respondingOrganization: `Organization/${exchange.organizationId}`,
    ...ownOrganization(exchange, settings),
    localPatient: `Patient/${exchange.localPatientId}`,
  };
  const version = settings.provenanceVersionedReferences ? await fhir.stagedVersion(exchange.id) : undefined;
  const target = (key: string): string => (belongsToMember(typeOf(key)) ? `${key}/_history/${version}` : key);
  const textOf = provenanceTexts(context);
  await fhir.stageAbout(exchange.id, PROVENANCE_TARGETS, (keys, page) => {
    const text = textOf(page, version === undefined ? keys : keys.map(target));
    return generatedTextRow({ type: 'Provenance', id: provenanceId(exchange.id, page) }, text, importedPatientId);
  });
}

const typeOf = (key: string): string => key.slice(0, key.indexOf('/'));

/** Where the Patient that came contradicts the local one: the element is told, and nothing is merged. */
async function reportDemographics(
  { exchanges, fhir }: RequesterDeps,
  { id, localPatientId }: ExchangeRecord,
  importedPatientId: string,
): Promise<void> {
  const local = await fhir.read('Patient', localPatientId);
  const imported = await fhir.stagedText(id, { type: 'Patient', id: importedPatientId });
  if (local === undefined || imported === undefined) return;
  for (const element of demographicDifferences(JSON.parse(local.text), JSON.parse(imported))) {
    await exchanges.addWarning(id, {
      code: 'demographics-differ',
      text: `The Patient that came and the local one differ in ${element}; both are kept as they are.`,
      expression: `Patient.${element}`,
    });
  }
}
