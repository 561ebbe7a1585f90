import type { OperationOutcome } from 'fhir/r4.js';
import { ERRORS } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { reasonConcept } from './task.ts';

/** What a partner is told of its request beside the files of an export. */
export interface ExportNote {
  readonly code: ErrorCode;
  /** FHIRPath of the parameter. */
  readonly expression: string;
  readonly diagnostics: string;
}

/** A warning: the export goes on. */
export function outcomeOfNote({ code, expression, diagnostics }: ExportNote): OperationOutcome {
  const issue = ERRORS[code].issue as OperationOutcome['issue'][number]['code'];
  return {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'warning', code: issue, details: reasonConcept(code), diagnostics, expression: [expression] }],
  };
}
