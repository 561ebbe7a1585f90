import { importedId } from '../../fhir/import-references.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import type { ImportContext } from '../../fhir/import-transform.ts';
import type { RequesterDeps } from './deps.ts';
import type { ExchangeContext } from './import-context.ts';

type Resolvers = Pick<ImportContext, 'resolve' | 'resolveIdentifier'>;

/** Answers, for the references of a batch, which targets are here: of this exchange, or of an earlier one of this payer. */
export type TargetLookup = (targets: readonly ReferenceTargets[]) => Promise<Resolvers>;

/** Identifiers looked up so far are remembered up to this many: Practitioners come again and again. */
const REMEMBERED = 10_000;

export function targetLookup({ fhir }: RequesterDeps, exchangeId: string, context: ExchangeContext): TargetLookup {
  const byIdentifier = new Map<string, string | undefined>();
  const keyOfIdentifier = (type: string, system: string, value: string): string =>
    JSON.stringify([type, system, value]);

  return async (targets) => {
    const literals = new Map(
      targets.flatMap((each) => each.literals).map((target) => [`${target.type}/${target.originalId}`, target]),
    );
    const here = await fhir.delivered(exchangeId, [...literals.values()]);
    const elsewhere = [...literals.values()].filter(({ type, originalId }) => !here.has(`${type}/${originalId}`));
    const localKeys = elsewhere.map(({ type, originalId }) => ({ type, id: importedId(context, type, originalId) }));
    const earlier = await fhir.visible(localKeys);
    if (byIdentifier.size > REMEMBERED) byIdentifier.clear();
    for (const { type, system, value } of targets.flatMap((each) => each.conditionals)) {
      const key = keyOfIdentifier(type, system, value);
      if (byIdentifier.has(key)) continue;
      byIdentifier.set(key, await fhir.deliveredByIdentifier(exchangeId, type, { system, value }));
    }
    return {
      resolve: (type, originalId) =>
        here.has(`${type}/${originalId}`) || earlier.has(`${type}/${importedId(context, type, originalId)}`),
      resolveIdentifier: (type, system, value) => byIdentifier.get(keyOfIdentifier(type, system, value)),
    };
  };
}
