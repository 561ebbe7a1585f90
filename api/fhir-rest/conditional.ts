import { ExchangeError } from '../../fhir/errors.ts';
import type { ErrorCode } from '../../fhir/errors.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { RestContext } from './interaction.ts';
import { notApplied } from './not-applied.ts';
import { readSearch } from './search-parameters.ts';
import { planSearch } from './search-plan.ts';

/**
 * The one resource that a condition names: a search that an index answers. Undefined for none.
 *
 * @param several the code where more than one matches
 * @throws ExchangeError `not-supported` for parameters that are not applied, `too-costly`, `request-invalid` for none
 */
export async function matchOf(
  context: RestContext,
  type: string,
  query: string,
  several: ErrorCode,
): Promise<StoredResource | undefined> {
  const request = readSearch(type, new URLSearchParams(query), context.baseUrl);
  if (request.ignored.length > 0) {
    throw new ExchangeError('not-supported', { diagnostics: notApplied(request.ignored) });
  }
  const { scope } = await planSearch(context, request);
  // A condition that says nothing would take whatever there is.
  if (Object.keys(scope).every((key) => key === 'type' || key === 'includeEvidence')) {
    throw new ExchangeError('request-invalid', { diagnostics: 'A condition is a search with parameters.' });
  }
  const { resources } = await context.store.search({ ...scope, count: 2 });
  if (resources.length > 1) {
    throw new ExchangeError(several, { diagnostics: 'More than one resource matches the condition.' });
  }
  return resources[0];
}
