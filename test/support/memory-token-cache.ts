import type { CachedToken, TokenCache } from '../../peer/token.ts';

/** The tokens of one process; `entries` is what it holds. */
export function memoryTokenCache(): TokenCache & { readonly entries: Map<string, CachedToken> } {
  const entries = new Map<string, CachedToken>();
  return {
    entries,
    get: (key) => Promise.resolve(entries.get(key)),
    set: (key, token) => Promise.resolve(void entries.set(key, token)),
    delete: (key) => Promise.resolve(void entries.delete(key)),
  };
}
