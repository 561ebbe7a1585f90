import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4.js';
import { documentReferenceId } from '../../fhir/document-reference.ts';
import { UNTYPED } from '../../fhir/missing-references.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { REFUSALS } from '../../fhir/refusals.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import { isTooDeep, storableJson } from '../../fhir/storable-json.ts';
import { coded } from '../../fhir/task.ts';
import type { ExchangeOutput } from '../../fhir/task.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { Warning } from '../../store/exchanges.ts';
import type { RefusedLine, TypeCounts } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';

const MOST_REPORTED_LINES = 1000;

/** The reconciliation of an exchange: what arrived, what became of it, what was refused, what the payer said. */
export async function exchangeOutput(
  taskId: string,
  { exchanges, files, fhir }: Pick<RequesterDeps, 'exchanges' | 'files' | 'fhir'>,
): Promise<readonly ExchangeOutput[]> {
  const [exchange, counts, refused, kept, open, said] = await Promise.all([
    exchanges.load(taskId),
    fhir.importCounts(taskId),
    fhir.refusedLines(taskId, MOST_REPORTED_LINES),
    files.list(taskId),
    files.openReferences(taskId),
    exchanges.peerOutcome(taskId),
  ]);
  const outputs: ExchangeOutput[] = [];
  if (exchange.publishedAt !== undefined) {
    if (exchange.importedPatientId !== undefined) {
      outputs.push({ kind: 'imported-patient', reference: `Patient/${exchange.importedPatientId}` });
    }
    for (const file of kept.filter((each) => each.list === 'output')) {
      outputs.push({
        kind: 'document-reference',
        reference: `DocumentReference/${documentReferenceId(taskId, file.number)}`,
      });
    }
    for (const id of await fhir.generatedIds(taskId, 'Provenance')) {
      outputs.push({ kind: 'provenance', reference: `Provenance/${id}` });
    }
    outputs.push(...counts.filter(saysSomething).map(resourceCount));
  }
  if (refused.length > 0) {
    const value = counts.reduce((sum, count) => sum + count.refused, 0);
    outputs.push({ kind: 'refused-count', value: Math.max(value, refused.length) });
    outputs.push({ kind: 'refused-report', outcome: refusedReport(refused) });
  }
  const warnings = [
    ...exchange.warnings,
    ...countWarnings(kept),
    ...deletionWarnings(counts),
    ...openReferenceWarnings(open),
  ];
  if (warnings.length > 0) outputs.push({ kind: 'warnings', outcome: warningsOutcome(warnings) });
  const outcome = said === undefined ? undefined : peerOutcome(said);
  if (outcome !== undefined) outputs.push({ kind: 'peer-outcome', outcome });
  if (exchange.kickOffForm !== undefined) outputs.push({ kind: 'export-form', form: exchange.kickOffForm });
  if (exchange.transactionTime !== undefined) {
    outputs.push({ kind: 'transaction-time', instant: exchange.transactionTime });
  }
  return outputs;
}

/** Deletions that took nothing away are told by a warning. */
function resourceCount({ deletionsKept: _kept, deletionsUnknown: _unknown, ...count }: TypeCounts): ExchangeOutput {
  return { kind: 'resource-count', count };
}

const saysSomething = ({ received, deleted }: TypeCounts): boolean => received + deleted > 0;

function refusedReport(refused: readonly RefusedLine[]): OperationOutcome {
  const issue = refused.map(({ file, line, reason }): OperationOutcomeIssue => ({
    severity: 'error',
    code: 'processing',
    details: coded(reason, isRefusal(reason) ? REFUSALS[reason] : reason),
    diagnostics: `file ${file + 1}, line ${line}`,
  }));
  return { resourceType: 'OperationOutcome', issue };
}

function isRefusal(reason: string): reason is RefusalReason {
  return Object.hasOwn(REFUSALS, reason);
}

function warningsOutcome(warnings: readonly Warning[]): OperationOutcome {
  const issue = warnings.map(({ code, text, expression }): OperationOutcomeIssue => ({
    severity: 'warning',
    code: 'informational',
    details: coded(code, text),
    ...(expression !== undefined && { expression: [expression] }),
  }));
  return { resourceType: 'OperationOutcome', issue };
}

/** A count of the manifest is a promise, not a fact: a difference is told, and nothing more. */
function countWarnings(files: readonly ExchangeFile[]): Warning[] {
  return files
    .filter((file) => file.downloaded && file.announcedCount !== undefined && file.announcedCount !== file.lines)
    .map((file) => ({
      code: 'manifest-count',
      text: `File ${file.number + 1} has ${file.lines} lines; the manifest says ${file.announcedCount ?? 0}.`,
    }));
}

function deletionWarnings(counts: readonly TypeCounts[]): Warning[] {
  return counts.flatMap(({ type, deletionsKept, deletionsUnknown }) => [
    ...(deletionsKept === 0
      ? []
      : [
          {
            code: 'deletions-kept',
            text: `${deletionsKept} ${type} resources that the responding payer lists as deleted are kept: it delivers them as well, they came for other members too, or they were changed here.`,
          },
        ]),
    ...(deletionsUnknown === 0
      ? []
      : [
          {
            code: 'deletions-unknown',
            text: `${deletionsUnknown} ${type} resources that the responding payer lists as deleted were not here.`,
          },
        ]),
  ]);
}

function openReferenceWarnings(open: readonly { readonly type: string; readonly count: number }[]): Warning[] {
  return open.map(({ type, count }) => ({
    code: 'open-references',
    text: `${count} ${openReferences(type)}`,
  }));
}

function openReferences(type: string): string {
  if (type === 'Binary') return 'attachments whose content was not delivered lead to the responding payer as before.';
  if (type === UNTYPED)
    return 'references by URN that lead to none, or to several, of the resources that came are kept.';
  return `references to ${type} resources that were not delivered are kept as logical references.`;
}

/** The payer's own words, where they are an OperationOutcome that the Task can hold. */
function peerOutcome(text: string): OperationOutcome | undefined {
  let value: unknown;
  try {
    value = JSON.parse(storableJson(text));
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['resourceType'] !== 'OperationOutcome' || !Array.isArray(value['issue']))
    return undefined;
  if (isTooDeep(value['issue'])) return undefined;
  return { resourceType: 'OperationOutcome', issue: value['issue'] as OperationOutcomeIssue[] };
}
