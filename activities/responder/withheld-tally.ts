import type { Disclosed, WithheldReason } from '../../fhir/disclosure.ts';
import type { WithheldCounts } from '../../store/export-jobs.ts';

/** What an export does not send, or not whole: by type and reason, never whose or which. */
export class WithheldTally {
  readonly #byType = new Map<string, Map<WithheldReason, number>>();

  /** `records`: of how many it is so. */
  add(type: string, disclosed: Disclosed, records = 1): void {
    for (const reason of disclosed.kind === 'withheld' ? [disclosed.reason] : disclosed.masked) {
      const counts = this.#byType.get(type) ?? new Map<WithheldReason, number>();
      counts.set(reason, (counts.get(reason) ?? 0) + records);
      this.#byType.set(type, counts);
    }
  }

  counts(): WithheldCounts {
    return Object.fromEntries([...this.#byType].map(([type, counts]) => [type, Object.fromEntries(counts)]));
  }

  tell(count: (reason: WithheldReason, count: number) => void): void {
    for (const counts of this.#byType.values()) for (const [reason, number] of counts) count(reason, number);
  }
}
