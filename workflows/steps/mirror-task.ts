import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { ErrorCode } from '../../fhir/errors.ts';
import type { Step, TaskStatus } from '../contract.ts';
import type { RequesterProxies } from './proxies.ts';

export interface TaskMirror {
  /** Writes the step through to the Task, and shows it in the Temporal UI. */
  record(status: TaskStatus, step: Step, details?: string): Promise<void>;
  /** The last step that was recorded. */
  step(): Step;
}

export function mirrorTask(taskId: string, own: RequesterProxies['own'], first: Step): TaskMirror {
  let current = first;
  return {
    step: () => current,
    async record(status, step, details) {
      current = step;
      showStep(step, details);
      await own.recordStep.executeWithOptions({ summary: `Task ${status}: ${step}` }, [{ taskId, status, step }]);
    },
  };
}

/** What an operator reads at the top of the run's page. */
export function showStep(step: Step | 'failed' | 'cancelled', details?: string, reason?: ErrorCode): void {
  upsertSearchAttributes({ CarryoverStep: [step] });
  const lines = [`**Step:** ${step}`, details, reason === undefined ? undefined : `**Reason:** \`${reason}\``];
  setCurrentDetails(lines.filter((line) => line !== undefined).join('\n\n'));
}
