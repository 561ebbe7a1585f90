import { ExchangeError } from '../../fhir/errors.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import { referencesIn } from '../../fhir/replace-references.ts';
import { matchOf } from './conditional.ts';
import type { RestContext } from './interaction.ts';

/**
 * What the conditional references of these texts mean: `Type?identifier=system|value` → `Type/id`.
 *
 * @throws ExchangeError `request-unprocessable` for a condition that not exactly one stored resource fulfils
 */
export async function conditionalReferences(
  context: RestContext,
  texts: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const reference of new Set(texts.flatMap(referencesIn))) {
    const parsed = parseReference(reference);
    if (parsed.kind !== 'conditional') continue;
    const match = await matchOf(context, parsed.type, parsed.query, 'request-unprocessable');
    if (match === undefined) {
      throw new ExchangeError('request-unprocessable', { diagnostics: 'No resource matches a conditional reference.' });
    }
    found.set(reference, `${match.type}/${match.id}`);
  }
  return found;
}
