import type { WithheldReason } from '../fhir/disclosure.ts';

export interface WithheldMetrics {
  /** Of exports and of reads. */
  count(reason: WithheldReason, count: number): void;
  /** In the text form of Prometheus. */
  text(): string;
}

const NAME = 'carryover_withheld_total';

/** How many resources did not go out, or not whole, by reason; since the start of this process. */
export function createWithheldMetrics(): WithheldMetrics {
  const counts = new Map<WithheldReason, number>();
  return {
    count: (reason, count) => void counts.set(reason, (counts.get(reason) ?? 0) + count),
    text() {
      const lines = [...counts].map(([reason, count]) => `${NAME}{reason="${reason}"} ${count}`);
      const head = [`# HELP ${NAME} Resources withheld or masked on their way out.`, `# TYPE ${NAME} counter`];
      return `${[...head, ...lines].join('\n')}\n`;
    },
  };
}
