import { setImmediate } from 'node:timers/promises';
import { belongsToMember } from '../../fhir/compartment.ts';
import { hashedId, idOfUrn } from '../../fhir/identifiers.ts';
import { readRecord } from '../../fhir/import-inspect.ts';
import type { Inspected } from '../../fhir/import-inspect.ts';
import { targetsOf } from '../../fhir/import-references.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import { transformRecord } from '../../fhir/import-transform.ts';
import type { ImportedResource } from '../../fhir/import-transform.ts';
import { attachmentId, conditionalUrl, UNTYPED } from '../../fhir/missing-references.ts';
import { decodeUtf8 } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import { scanReferences } from '../../fhir/scan-references.ts';
import type { ScannedRecord } from '../../fhir/scan-references.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ImportRow, OpenTarget, RefusedLine } from '../../store/fhir-store.ts';
import type { ExchangeContext } from './import-context.ts';
import type { TargetLookup } from './target-lookup.ts';

export interface NumberedLine {
  readonly line: Line;
  /** Of the file as received, from 1. */
  readonly number: number;
}

export interface PreparedBatch {
  readonly rows: readonly ImportRow[];
  readonly refused: readonly RefusedLine[];
  readonly openTargets: readonly OpenTarget[];
}

interface Candidate {
  readonly number: number;
  readonly text: string;
  readonly record: Inspected;
  readonly scanned: ScannedRecord;
  readonly targets: ReferenceTargets;
}

/** Then the batch before this one goes on into the database. */
const LINES_AT_ONCE = 40;

type Found = Awaited<ReturnType<TargetLookup>>;

/** Lines of one file as rows to stage: what they refer to is looked up for all of them at once. */
export async function importBatchOf(
  context: ExchangeContext,
  lookup: TargetLookup,
  file: ExchangeFile,
  lines: readonly NumberedLine[],
): Promise<PreparedBatch> {
  const expected = file.type === undefined ? {} : { expectedType: file.type };
  const refused: RefusedLine[] = [];
  const refuse = (line: number, reason: RefusalReason, type = file.type): void => {
    refused.push({ file: file.number, line, reason, ...(type !== undefined && { type }) });
  };
  const candidates: Candidate[] = [];
  for (const [index, { line, number }] of lines.entries()) {
    if (index % LINES_AT_ONCE === 0) await setImmediate();
    if (line.tooLong) refuse(number, 'too-long');
    if (line.tooLong || line.bytes.length === 0) continue;
    const text = decodeUtf8(line.bytes);
    const record = text === undefined ? undefined : readRecord(text, { ...context, ...expected });
    if (text === undefined || record === undefined) refuse(number, 'malformed-json');
    else if (record.kind === 'refused') refuse(number, record.reason, record.type);
    else {
      const scanned = scanReferences(text, context.peerBase);
      candidates.push({ number, text, record, scanned, targets: targetsOf(scanned) });
    }
  }
  const { rows, openTargets } = await transformed(context, lookup, file, candidates, refuse);
  return { rows, refused, openTargets };
}

async function transformed(
  context: ExchangeContext,
  lookup: TargetLookup,
  file: ExchangeFile,
  candidates: readonly Candidate[],
  refuse: (line: number, reason: RefusalReason, type?: string) => void,
): Promise<Pick<PreparedBatch, 'rows' | 'openTargets'>> {
  const found = await lookup(
    candidates.map(({ targets }) => targets),
    candidates.map(({ record }) => record),
  );
  const wide = {
    ...context,
    ...(file.type !== undefined && { expectedType: file.type }),
    resolve: found.resolve,
    resolveIdentifier: found.resolveIdentifier,
    resolveUrn: found.resolveUrn,
    localKey: found.localKey,
  };
  const rows: ImportRow[] = [];
  const openTargets: OpenTarget[] = [];
  for (const [index, { number, text, record, scanned, targets }] of candidates.entries()) {
    if (index % LINES_AT_ONCE === 0) await setImmediate();
    // Whose record it is was not known before where an identifier says so.
    const again = targets.conditionals.some(({ type }) => type === 'Patient') ? readRecord(text, wide) : record;
    const result = again.kind === 'refused' ? again : transformRecord(text, again, scanned, wide);
    if (result.kind === 'refused') {
      refuse(number, result.reason, result.type);
      continue;
    }
    rows.push({ ...rowOf(context, result), line: number });
    openTargets.push(...openOf(context, found, number, targets));
  }
  return { rows, openTargets };
}

function openOf(
  { memberId }: ExchangeContext,
  found: Found,
  line: number,
  { literals, conditionals, attachments, urns }: ReferenceTargets,
): OpenTarget[] {
  const open: OpenTarget[] = [];
  const localId = (type: string, originalId: string): string => found.localKey(type, originalId).slice(type.length + 1);
  for (const { type, originalId } of literals) {
    const isThere = type === 'Patient' ? originalId === memberId : found.resolve(type, originalId);
    if (!isThere) open.push({ type, originalId, line, localId: localId(type, originalId) });
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
    open.push({ type: 'Binary', originalId, line, localId: localId('Binary', originalId), url, contentType });
  }
  return open;
}

/** What came in a member's export belongs to the member's record, but for the types that several records share. */
export function rowOf(
  { anchorPatientId }: Pick<ExchangeContext, 'anchorPatientId'>,
  { type, id, text, contentHash }: ImportedResource,
): ImportRow {
  return {
    ...{ type, id, text, contentHash },
    patientId: belongsToMember(type) ? anchorPatientId : undefined,
  };
}
