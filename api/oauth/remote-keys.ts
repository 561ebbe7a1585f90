import { chooseKey, readClientKeys } from './client-keys.ts';
import type { ClientKey, KeyHint } from './client-keys.ts';

/** Key sets of clients that registered a URL. */
export interface RemoteKeys {
  /**
   * The key that an assertion names; the set is fetched where it is not known, no longer fresh, or lacks that key.
   * @throws Error when the set cannot be fetched or read
   */
  find(url: string, hint: KeyHint): Promise<ClientKey | undefined>;
}

interface KnownKeys {
  readonly keys: readonly ClientKey[];
  readonly freshUntil: number;
}

const TIMEOUT_MS = 5000;
const MOST_BYTES = 256 * 1024;
/** Where the client's answer says nothing of how long it may be kept. */
const USUAL_FRESH_MS = 300_000;
const LONGEST_FRESH_MS = 3_600_000;
/**
 * After an unknown key was looked for in vain, none is looked for at the client for so long: assertions that nobody
 * signed must not make us a hammer. A key that was just rotated is found at once.
 */
const RETRY_UNKNOWN_MS = 1000;

/** @param now epoch milliseconds */
export function createRemoteKeys(now: () => number): RemoteKeys {
  const known = new Map<string, KnownKeys>();
  const flights = new Map<string, Promise<KnownKeys>>();
  const inVainUntil = new Map<string, number>();

  const fetched = (url: string): Promise<KnownKeys> => {
    const flight = flights.get(url) ?? fetchKeys(url, now).finally(() => flights.delete(url));
    flights.set(url, flight);
    return flight.then((set) => {
      known.set(url, set);
      return set;
    });
  };

  return {
    async find(url, hint) {
      const kept = known.get(url);
      if (kept === undefined || kept.freshUntil <= now()) return chooseKey((await fetched(url)).keys, hint);
      const key = chooseKey(kept.keys, hint);
      if (key !== undefined || (inVainUntil.get(url) ?? 0) > now()) return key;
      const found = chooseKey((await fetched(url)).keys, hint);
      if (found === undefined) inVainUntil.set(url, now() + RETRY_UNKNOWN_MS);
      return found;
    },
  };
}

async function fetchKeys(url: string, now: () => number): Promise<KnownKeys> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    // The operator registered this address and no other.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`The key set was answered with status ${response.status}.`);
  }
  const fetchedAt = now();
  const keys = readClientKeys(JSON.parse(await limitedText(response)) as unknown);
  return { keys, freshUntil: fetchedAt + freshMs(response.headers.get('cache-control') ?? '') };
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > MOST_BYTES) throw new Error('The key set is too large.');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** SMART 2.2: never longer than the client allows. */
function freshMs(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return 0;
  const [, seconds] = /\bmax-age=(\d{1,9})\b/i.exec(cacheControl) ?? [];
  return seconds === undefined ? USUAL_FRESH_MS : Math.min(Number(seconds) * 1000, LONGEST_FRESH_MS);
}
