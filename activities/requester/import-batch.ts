import { inPatientCompartment } from '../../fhir/compartment.ts';
import { identifiersOf } from '../../fhir/identifiers.ts';
import { inspectForImport } from '../../fhir/import-inspect.ts';
import { referenceTargets } from '../../fhir/import-references.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import { transformForImport } from '../../fhir/import-transform.ts';
import type { ImportedResource } from '../../fhir/import-transform.ts';
import { decodeUtf8 } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ImportRow, RefusedLine } from '../../store/fhir-store.ts';
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
  /** References that nothing delivered answers, by type of the target. */
  readonly openReferences: ReadonlyMap<string, number>;
}

type Candidate = { readonly number: number; readonly text: string };

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
  const targets: ReferenceTargets[] = [];
  for (const { line, number } of lines) {
    if (line.tooLong) refuse(number, 'too-long');
    if (line.tooLong || line.bytes.length === 0) continue;
    const text = decodeUtf8(line.bytes);
    const found = text === undefined ? undefined : inspectForImport(text, { ...context, ...expected });
    if (text === undefined || found === undefined) refuse(number, 'malformed-json');
    else if (found.kind === 'refused') refuse(number, found.reason, found.type);
    else {
      candidates.push({ number, text });
      targets.push(referenceTargets(text, context.peerBase));
    }
  }
  const resolvers = await lookup(targets);
  const rows: ImportRow[] = [];
  const openReferences = new Map<string, number>();
  for (const { number, text } of candidates) {
    const result = transformForImport(text, { ...context, ...expected, ...resolvers });
    if (result.kind === 'refused') {
      refuse(number, result.reason, result.type);
      continue;
    }
    rows.push({ ...rowOf(context, result), line: number });
    for (const reference of [...result.referencesUnresolved, ...result.conditionalUnresolved]) {
      const type = /([A-Za-z]+)[/?][^/]*(\/_history\/[^/]*)?$/.exec(reference)?.[1] ?? 'unknown';
      openReferences.set(type, (openReferences.get(type) ?? 0) + 1);
    }
  }
  return { rows, refused, openReferences };
}

/** What came in a member's export belongs to the member's record, but for the types that several records share. */
export function rowOf(
  { anchorPatientId }: Pick<ExchangeContext, 'anchorPatientId'>,
  { type, id, text, contentHash }: ImportedResource,
): ImportRow {
  const stored: unknown = JSON.parse(text);
  return {
    ...{ type, id, text, contentHash },
    patientId: inPatientCompartment(type) ? anchorPatientId : undefined,
    identifiers: isRecord(stored) ? identifiersOf(stored) : [],
  };
}
