import type { ServerResponse } from 'node:http';
import type { FileBehaviour } from './file-options.ts';

/** What really goes out: the bytes, the length the header names, and how the connection ends. */
export interface Transmission {
  bytes: Buffer;
  declaredLength: number;
  ending: 'clean' | 'cut';
  bytesPerSecond: number | undefined;
}

/** Applies the faults that the n-th (from 0) served request of a file meets. */
export function planTransmission(
  body: Buffer,
  faults: FileBehaviour['faults'],
  n: number,
  encoded: boolean,
): Transmission {
  const plan: Transmission = { bytes: body, declaredLength: body.length, ending: 'clean', bytesPerSecond: undefined };
  const { cut, truncatedGzip, shortBody, drip } = faults;
  if (truncatedGzip && encoded && n < truncatedGzip.times) {
    plan.bytes = body.subarray(0, Math.floor(body.length / 2));
    plan.declaredLength = plan.bytes.length;
  }
  if (shortBody && n < shortBody.times) {
    plan.bytes = body.subarray(0, Math.max(0, body.length - shortBody.missingBytes));
    if (shortBody.honestLength) plan.declaredLength = plan.bytes.length;
    else plan.ending = 'cut';
  }
  if (cut && n < cut.times && cut.afterBytes < plan.bytes.length) {
    plan.bytes = plan.bytes.subarray(0, cut.afterBytes);
    plan.ending = 'cut';
  }
  if (drip && n < drip.times) plan.bytesPerSecond = drip.bytesPerSecond;
  return plan;
}

export async function transmit(response: ServerResponse, plan: Transmission): Promise<void> {
  response.flushHeaders();
  const step = plan.bytesPerSecond ? Math.max(1, Math.floor(plan.bytesPerSecond / 20)) : 65_536;
  for (let start = 0; start < plan.bytes.length && !response.destroyed; start += step) {
    await write(response, plan.bytes.subarray(start, start + step));
    if (plan.bytesPerSecond) await pause((step / plan.bytesPerSecond) * 1000, response);
  }
  if (plan.ending === 'clean') response.end();
  else response.socket?.destroy();
}

/** Resolves when the bytes went to the system, or when the client is gone. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve);
    response.write(bytes, () => {
      response.off('close', resolve);
      resolve();
    });
  });
}

function pause(milliseconds: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    response.once('close', done);
  });
}
