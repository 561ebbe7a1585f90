import type { DataConverter, Payload } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';

export type History = temporal.api.history.v1.IHistory;

export interface FoundPayload {
  /** Names of the fields that lead to it. */
  readonly path: string;
  readonly payload: Payload;
}

/** Every payload of a history, wherever it stands. */
export function payloadsOf(history: History): FoundPayload[] {
  const found: FoundPayload[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    if (isPayload(value)) found.push({ path, payload: value });
    else for (const [name, part] of Object.entries(value)) visit(part, `${path}/${name}`);
  };
  visit(history.events, '');
  return found;
}

function isPayload(value: object): value is Payload {
  if (!('metadata' in value) || typeof value.metadata !== 'object' || value.metadata === null) return false;
  return 'encoding' in value.metadata;
}

export const encodingOf = ({ metadata }: Payload): string => Buffer.from(metadata?.['encoding'] ?? []).toString();

/** What stands behind a payload, decrypted. */
export async function valueOf(payload: Payload, { payloadCodecs = [] }: DataConverter): Promise<unknown> {
  let payloads = [payload];
  for (const codec of payloadCodecs) payloads = await codec.decode(payloads);
  const [plain] = payloads;
  return plain === undefined ? undefined : defaultPayloadConverter.fromPayload(plain);
}

/** Waits of the timers that a run started, in milliseconds. */
export function timersOf({ events }: History): number[] {
  return (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => {
    const duration = timer?.startToFireTimeout;
    return duration ? [Number(duration.seconds ?? 0) * 1000 + (duration.nanos ?? 0) / 1e6] : [];
  });
}
