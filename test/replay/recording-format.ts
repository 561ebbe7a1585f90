import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import proto from '@temporalio/proto';
import type { PayloadCodec } from '@temporalio/common';
import { payloadsOf } from '../support/histories.ts';
import type { History } from '../support/histories.ts';

const HistoryMessage = proto.temporal.api.history.v1.History;

const root = `${path.resolve(import.meta.dirname, '../..')}/`;

export const HISTORIES = path.join(import.meta.dirname, 'histories');

export interface Recording {
  readonly name: string;
  /** The whole file. */
  readonly text: string;
  readonly workflowId: string;
  readonly history: History;
}

/** `<version>-<scenario>.json`: the run's id and its history. */
export function recordings(): Recording[] {
  return readdirSync(HISTORIES).map((name) => {
    const text = readFileSync(path.join(HISTORIES, name), 'utf8');
    const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: Record<string, unknown> };
    return { name, text, workflowId, history: HistoryMessage.fromObject(history) };
  });
}

/** Names of the machine that recorded, and its paths in stack traces, are nobody's business. */
export async function printRecording(workflowId: string, recorded: History, codec: PayloadCodec): Promise<string> {
  const history = HistoryMessage.create(recorded);
  for (const { payload } of payloadsOf(history)) {
    const [plain] = await codec.decode([payload]);
    const text = Buffer.from(plain?.data ?? []).toString('utf8');
    if (!text.includes(root)) continue;
    const [clean] = await codec.encode([{ ...plain, data: Buffer.from(text.replaceAll(root, ''), 'utf8') }]);
    payload.data = clean?.data;
  }
  const object = HistoryMessage.toObject(history, { enums: String, longs: String, bytes: String });
  const content = JSON.stringify({ workflowId, history: object }, (_name, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\d+@[\w.-]+/g, 'recorder') : value,
  );
  return `${content}\n`;
}
