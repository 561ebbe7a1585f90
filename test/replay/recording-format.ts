import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { History } from '../support/histories.ts';

export const HISTORIES = path.join(import.meta.dirname, 'histories');

export interface Recording {
  readonly name: string;
  /** The whole file. */
  readonly text: string;
  readonly workflowId: string;
  readonly history: History;
}

/** `<version>-<scenario>.json`: the run's id and its history in protobuf's JSON. */
export function recordings(): Recording[] {
  return readdirSync(HISTORIES).map((name) => {
    const text = readFileSync(path.join(HISTORIES, name), 'utf8');
    const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: unknown };
    return { name, text, workflowId, history: historyFromJSON(history) };
  });
}
