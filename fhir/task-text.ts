import { addPayerTaskText } from './add-payer-task.ts';
import { renderTask } from './task.ts';
import type { TaskState } from './task.ts';

/** JSON of any Task: one that mirrors an exchange, or one that was posted. */
export function taskText(state: TaskState): string {
  return state.posted === undefined ? JSON.stringify(renderTask(state)) : addPayerTaskText(state.posted, state);
}
