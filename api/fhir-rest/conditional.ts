import { ExchangeError } from '../../fhir/errors.ts';
import type { ErrorCode } from '../../fhir/errors.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import type { FhirStore, ResourceKey } from '../../store/fhir-store.ts';

/**
 * The one resource that a condition `identifier=system|value` names; undefined for none.
 *
 * @param several the code where more than one matches
 * @throws ExchangeError `not-supported` for any other condition
 */
export async function matchOf(
  store: FhirStore,
  type: string,
  query: string,
  several: ErrorCode,
): Promise<ResourceKey | undefined> {
  const parsed = parseReference(`${type}?${query}`);
  if (parsed.kind !== 'conditional' || parsed.identifier === undefined) {
    throw new ExchangeError('not-supported', { diagnostics: 'A condition is identifier=system|value.' });
  }
  const { resources } = await store.search({ type, identifiers: [parsed.identifier], count: 2 });
  if (resources.length > 1)
    throw new ExchangeError(several, { diagnostics: 'More than one resource matches the condition.' });
  const [match] = resources;
  return match && { type: match.type, id: match.id };
}
