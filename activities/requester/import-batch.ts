import { hash } from 'node:crypto';
import { belongsToMember } from '../../fhir/compartment.ts';
import { hashedId, idOfUrn } from '../../fhir/identifiers.ts';
import { readRecord } from '../../fhir/import-inspect.ts';
import type { Inspected } from '../../fhir/import-inspect.ts';
import { targetsOf } from '../../fhir/import-references.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import { transformRecord } from '../../fhir/import-transform.ts';
import type { ExchangeContext, ImportedResource } from '../../fhir/import-transform.ts';
import { attachmentId, conditionalUrl, UNTYPED } from '../../fhir/missing-references.ts';
import { decodeUtf8 } from '../../fhir/ndjson.ts';
import { marksOf } from '../../fhir/record-marks.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import { scanRecord } from '../../fhir/record-scan.ts';
import { referencesOf } from '../../fhir/scan-references.ts';
import type { ScannedRecord } from '../../fhir/scan-references.ts';
import type { OpenTarget, RefusedLine } from '../../store/fhir-store.ts';
import type { ImportedFile, PreparedBatch, PreparedRow, ReceivedLine } from './import-threads.ts';
import type { TargetLookup } from './target-lookup.ts';

interface Candidate {
  readonly number: number;
  readonly text: string;
  readonly record: Inspected;
  readonly scanned: ScannedRecord;
  readonly targets: ReferenceTargets;
}

/** What was read of so many lines is in memory together: few enough to be gone before the collector moves it. */
const LINES_TOGETHER = 50;
/** Where the store has to be asked, it is not asked for so few. */
const LINES_ASKED_TOGETHER = 500;

type Found = Awaited<ReturnType<TargetLookup>>;

/** Lines of one file as rows to stage: what they refer to is looked up for many of them at once. */
export async function importBatchOf(
  context: ExchangeContext,
  lookup: TargetLookup,
  file: ImportedFile,
  lines: readonly ReceivedLine[],
): Promise<PreparedBatch> {
  const batch = new Batch(file, { ...context, ...(file.type !== undefined && { expectedType: file.type }) });
  let together = LINES_TOGETHER;
  for (let from = 0; from < lines.length;) {
    const candidates = batch.read(lines.slice(from, (from += together)));
    const found = await lookup(
      candidates.map(({ targets }) => targets),
      candidates.map(({ record }) => record),
    );
    batch.transform(candidates, found);
    together = found.asked ? LINES_ASKED_TOGETHER : LINES_TOGETHER;
  }
  return batch;
}

class Batch implements PreparedBatch {
  readonly rows: PreparedRow[] = [];
  readonly refused: RefusedLine[] = [];
  readonly openTargets: OpenTarget[] = [];
  readonly #file: ImportedFile;
  readonly #context: ExchangeContext & { readonly expectedType?: string };

  constructor(file: ImportedFile, context: ExchangeContext & { readonly expectedType?: string }) {
    this.#file = file;
    this.#context = context;
  }

  read(lines: readonly ReceivedLine[]): readonly Candidate[] {
    const candidates: Candidate[] = [];
    for (const { number, bytes, tooLong } of lines) {
      if (tooLong) this.#refuse(number, 'too-long');
      if (tooLong || bytes.length === 0) continue;
      const candidate = this.#candidate(number, decodeUtf8(bytes));
      if (candidate !== undefined) candidates.push(candidate);
    }
    return candidates;
  }

  transform(candidates: readonly Candidate[], found: Found): void {
    const { resolve, resolveIdentifier, resolveUrn, localKey } = found;
    const context = { ...this.#context, resolve, resolveIdentifier, resolveUrn, localKey };
    for (const { number, text, record, scanned, targets } of candidates) {
      // Whose record it is was not known before where an identifier says so.
      const again = targets.conditionals.some(({ type }) => type === 'Patient')
        ? readRecord(text, scanRecord(text), context)
        : record;
      const result = again.kind === 'refused' ? again : transformRecord(text, again, scanned, context);
      if (result.kind === 'refused') {
        this.#refuse(number, result.reason, result.type);
        continue;
      }
      this.rows.push(rowOf(context, result, number));
      found.bring(result.type, result.originalId);
      addOpen(this.openTargets, context, found, number, targets);
    }
  }

  #candidate(number: number, text: string | undefined): Candidate | undefined {
    const scan = text === undefined ? undefined : scanRecord(text);
    const record = text === undefined ? undefined : readRecord(text, scan, this.#context);
    if (text === undefined || record === undefined) this.#refuse(number, 'malformed-json');
    else if (record.kind === 'refused') this.#refuse(number, record.reason, record.type);
    else if (scan !== undefined) {
      const scanned = referencesOf(text, scan, this.#context.peerBase);
      return { number, text, record, scanned, targets: targetsOf(scanned) };
    }
    return undefined;
  }

  #refuse(line: number, reason: RefusalReason, type = this.#file.type): void {
    this.refused.push({ file: this.#file.number, line, reason, ...(type !== undefined && { type }) });
  }
}

function addOpen(
  open: OpenTarget[],
  { memberId }: ExchangeContext,
  found: Found,
  line: number,
  { literals, conditionals, attachments, urns }: ReferenceTargets,
): void {
  for (const { type, originalId } of literals) {
    const isThere = type === 'Patient' ? originalId === memberId : found.resolve(type, originalId);
    if (!isThere) open.push({ type, originalId, line, localId: localIdOf(found, type, originalId) });
  }
  for (const { type, system, value } of conditionals) {
    if (found.resolveIdentifier(type, system, value) !== undefined) continue;
    const url = conditionalUrl(type, { system, value });
    open.push({ type, originalId: hashedId([url]), line, localId: undefined, url });
  }
  for (const url of urns) {
    if (found.resolveUrn(idOfUrn(url) ?? '') !== undefined) continue;
    open.push({ type: UNTYPED, originalId: hashedId([url]), line, localId: undefined, url });
  }
  for (const { url, contentType } of attachments) {
    const originalId = attachmentId(url);
    if (found.resolve('Binary', originalId)) continue;
    open.push({ type: 'Binary', originalId, line, localId: localIdOf(found, 'Binary', originalId), url, contentType });
  }
}

function localIdOf({ localKey }: Found, type: string, originalId: string): string {
  return localKey(type, originalId).slice(type.length + 1);
}

/** What came in a member's export belongs to the member's record, but for the types that several records share. */
export function rowOf(
  { anchorPatientId }: Pick<ExchangeContext, 'anchorPatientId'>,
  { type, id, text }: ImportedResource,
  line?: number,
): PreparedRow {
  const content = Buffer.from(text);
  const contentHash = hash('sha256', content, 'hex');
  const { marks, sharedReferences } = marksOf(text, new Date().getUTCFullYear());
  const patientId = belongsToMember(type) ? anchorPatientId : undefined;
  return { type, id, content, contentHash, marks, sharedReferences, patientId, line };
}
