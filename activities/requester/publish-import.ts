import { createHash } from 'node:crypto';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { documentReferenceId, documentReferenceOf } from '../../fhir/document-reference.ts';
import type { KeptFile } from '../../fhir/document-reference.ts';
import { provenancePages } from '../../fhir/provenance.ts';
import type { ProvenanceContext } from '../../fhir/provenance.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { readKept } from '../../store/kept-content.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ImportRow } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { anchorPatient } from './anchor-patient.ts';
import { exchangeContext } from './import-context.ts';
import { settleReferences } from './settle-references.ts';

export interface PublishedImport {
  /** Records that the exchange left visible. */
  readonly resources: number;
}

/** Adds what we say of the records (kept files, Provenance, the Patient that holds them) and makes all of it visible at once. */
export function publishImport(deps: RequesterDeps) {
  return async (taskId: string): Promise<PublishedImport> => {
    const { exchanges, fhir } = deps;
    const exchange = await exchanges.load(taskId);
    if (exchange.publishedAt === undefined) {
      const context = await exchangeContext(deps, exchange);
      const { localPatientId, anchorPatientId: importedPatientId } = context;
      const recorded = new Date().toISOString();
      await settleReferences(deps, exchange, context);
      await anchorPatient(deps, exchange, context, cancellationSignal());
      const documents = await stageDocuments(deps, exchange, importedPatientId, recorded);
      await stageProvenance(deps, exchange, importedPatientId, recorded, documents);
      await fhir.publish(taskId, { localPatientId, importedPatientId });
    }
    const counts = await fhir.importCounts(taskId);
    return { resources: counts.reduce((sum, count) => sum + count.new + count.updated + count.unchanged, 0) };
  };
}

/** One DocumentReference per file of the manifest's output; answers their references. */
async function stageDocuments(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  importedPatientId: string,
  date: string,
): Promise<readonly string[]> {
  const files = (await deps.files.list(exchange.id)).filter((file) => file.list === 'output');
  for (const file of files) {
    const document = documentReferenceOf(await keptFile(deps, exchange, file, importedPatientId, date));
    await deps.fhir.stageGenerated(exchange.id, [{ ...generatedRow(document, importedPatientId), evidence: true }]);
    heartbeat({ document: file.number });
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
    ...(settings.ownOrganizationId !== undefined && { ownOrganization: `Organization/${settings.ownOrganizationId}` }),
    sha1Base64: file.keptSha1 ?? '',
    originalSha256: file.sha256 ?? '',
    ...(isInline && { bytes: Buffer.concat(parts) }),
  };
}

/** Pages of Provenance over what the exchange brought new or changed; an exchange that changed nothing gets none. */
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
    ...(settings.ownOrganizationId !== undefined && { ownOrganization: `Organization/${settings.ownOrganizationId}` }),
    localPatient: `Patient/${exchange.localPatientId}`,
  };
  for await (const provenance of provenancePages(context, stagedReferences(fhir, exchange.id))) {
    await fhir.stageGenerated(exchange.id, [generatedRow(provenance, importedPatientId)]);
    heartbeat({ provenance: provenance.id });
  }
}

async function* stagedReferences(fhir: RequesterDeps['fhir'], exchangeId: string): AsyncGenerator<string> {
  for await (const key of fhir.stagedKeys(exchangeId)) yield keyOf(key);
}

function generatedRow(resource: { readonly resourceType: string; readonly id?: string }, patientId: string): ImportRow {
  const text = JSON.stringify(resource);
  return {
    ...{ type: resource.resourceType, id: resource.id ?? '', text, patientId },
    contentHash: createHash('sha256').update(text).digest('hex'),
  };
}
