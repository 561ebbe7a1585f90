import { hashedId } from '../../fhir/identifiers.ts';
import { attachmentId, conditionalUrl } from '../../fhir/missing-references.ts';
import { referenceTargets } from '../../fhir/import-references.ts';
import type { WantedReference, WantedReferenceStore } from '../../store/wanted-references.ts';

/** Remembered in memory, so that the one Encounter of a thousand Observations is written once. */
const REMEMBERED = 20_000;
const BATCH = 2000;

export interface Wanted {
  /** Takes note of everything that a line points to. */
  note(text: string): void;
  /** Writes what was noted; between two of them memory holds little. */
  flush(isLast?: boolean): Promise<void>;
}

/** What the lines of a file point to, for `fetchReferenced` to compare with what is delivered. */
export function notingWanted(
  store: WantedReferenceStore,
  exchangeId: string,
  { peerBase, mayFetch }: { readonly peerBase: string; readonly mayFetch: (type: string) => boolean },
): Wanted {
  const seen = new Set<string>();
  let waiting: WantedReference[] = [];
  const note = (wanted: WantedReference): void => {
    const key = `${wanted.type}/${wanted.originalId}`;
    if (!mayFetch(wanted.type) || seen.has(key)) return;
    if (seen.size >= REMEMBERED) seen.clear();
    seen.add(key);
    waiting.push(wanted);
  };
  return {
    note(text) {
      const {
        literals,
        conditionals,
        attachments = [],
      } = referenceTargets(text, peerBase) as ReturnType<typeof referenceTargets> & {
        attachments?: readonly { url: string; contentType?: string }[];
      };
      for (const { type, originalId } of literals) note({ type, originalId });
      for (const { type, system, value } of conditionals) {
        const url = conditionalUrl(type, { system, value });
        note({ type, originalId: hashedId([url]), url });
      }
      for (const { url, contentType } of attachments) {
        if (!/^https?:/i.test(url)) continue;
        note({ type: 'Binary', originalId: attachmentId(url), url, contentType });
      }
    },
    async flush(isLast = false) {
      if (waiting.length === 0 || (!isLast && waiting.length < BATCH)) return;
      await store.add(exchangeId, waiting);
      waiting = [];
    },
  };
}
