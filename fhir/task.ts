import { ERRORS } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import type { ExportForm } from './export-form.ts';
import type { CodeableConcept, Extension, OperationOutcome, Task, TaskOutput } from 'fhir/r4.js';

/** System of the codes that Carryover itself gives: Task outputs, business status, reasons. */
export const INTERNAL_CODES = 'http://payer-to-payer-exchange/CodeSystem/p2p-internal-codes';
export const HREX_TEMP = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
const COUNT_EXTENSION = 'http://payer-to-payer-exchange/StructureDefinition/count-';

export interface ResourceCount {
  readonly type: string;
  readonly received: number;
  readonly new: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly refused: number;
  /** Taken away because the responding payer deleted them. */
  readonly deleted: number;
}

/** What stands in `Task.output`, as it is kept with the Task. */
export type ExchangeOutput =
  | { readonly kind: 'imported-patient' | 'document-reference' | 'provenance'; readonly reference: string }
  | { readonly kind: 'resource-count'; readonly count: ResourceCount }
  | { readonly kind: 'refused-count'; readonly value: number }
  | { readonly kind: 'transaction-time'; readonly instant: string }
  /** How the responding payer was asked for the records. */
  | { readonly kind: 'export-form'; readonly form: ExportForm }
  /** OperationOutcomes, contained in the Task. */
  | { readonly kind: 'refused-report' | 'warnings' | 'peer-outcome'; readonly outcome: OperationOutcome };

export interface TaskState {
  readonly id: string;
  readonly code: string;
  readonly status: string;
  readonly businessStatus: string;
  readonly reason: ErrorCode | undefined;
  readonly patientId: string;
  readonly ownerId: string | undefined;
  /** The Task whose exchange this one repeats. */
  readonly basedOn?: string;
  /** Of a Task that was posted: its text, as it came. */
  readonly posted?: string;
  readonly output: readonly ExchangeOutput[];
  readonly version: number;
  readonly authoredOn: string;
  readonly lastModified: string;
}

export const coded = (code: string, text?: string): CodeableConcept => ({
  coding: [{ system: INTERNAL_CODES, code }],
  ...(text !== undefined && { text }),
});

/** The code of the table with its sentence: `Task.statusReason` and `OperationOutcome.issue.details`. */
export const reasonConcept = (code: ErrorCode): CodeableConcept => coded(code, ERRORS[code].sentence);

/** The FHIR Task that mirrors an exchange (contract: Task details). */
export function renderTask(state: TaskState): Task {
  const contained = state.output.flatMap((output) =>
    'outcome' in output ? [{ ...output.outcome, id: output.kind }] : [],
  );
  return {
    resourceType: 'Task',
    id: state.id,
    meta: { versionId: String(state.version), lastUpdated: state.lastModified },
    ...(contained.length > 0 && { contained }),
    ...(state.basedOn !== undefined && { basedOn: [{ reference: `Task/${state.basedOn}` }] }),
    // The contract names the states; `accepted` and the others are all of R4's own task-status.
    status: state.status as Task['status'],
    ...(state.reason !== undefined && { statusReason: reasonConcept(state.reason) }),
    businessStatus: coded(state.businessStatus),
    intent: 'order',
    code: { coding: [{ system: HREX_TEMP, code: state.code }] },
    for: { reference: `Patient/${state.patientId}` },
    authoredOn: state.authoredOn,
    lastModified: state.lastModified,
    ...(state.ownerId !== undefined && { owner: { reference: `Organization/${state.ownerId}` } }),
    ...(state.output.length > 0 && { output: state.output.map(renderOutput) }),
  };
}

function renderOutput(output: ExchangeOutput): TaskOutput {
  switch (output.kind) {
    case 'imported-patient':
    case 'document-reference':
    case 'provenance':
      return { type: coded(output.kind), valueReference: { reference: output.reference } };
    case 'resource-count':
      return renderCount(output.count);
    case 'refused-count':
      return { type: coded('refused-count'), valueUnsignedInt: output.value };
    case 'transaction-time':
      return { type: coded('transaction-time'), valueInstant: output.instant };
    case 'export-form':
      return { type: coded('export-form'), valueCode: output.form };
    case 'refused-report':
    case 'warnings':
    case 'peer-outcome':
      return { type: coded(output.kind), valueReference: { reference: `#${output.kind}` } };
    default:
      return output satisfies never;
  }
}

/** The count is what the exchange left visible of that type. */
function renderCount(count: ResourceCount): TaskOutput {
  const names = ['received', 'new', 'updated', 'unchanged', 'refused', 'deleted'] as const;
  const extension = names
    .filter((name) => name !== 'deleted' || count.deleted > 0)
    .map((name): Extension => ({ url: COUNT_EXTENSION + name, valueUnsignedInt: count[name] }));
  return {
    extension,
    type: coded('resource-count', count.type),
    valueUnsignedInt: count.new + count.updated + count.unchanged,
  };
}
