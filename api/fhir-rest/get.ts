import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import type { Answer, RestContext } from './interaction.ts';
import { history, read, vread } from './read.ts';
import { search } from './search.ts';

/**
 * A reading interaction by its URL below the base, as entries of Bundles name it.
 *
 * @throws ExchangeError `not-supported` for a URL that is none
 */
export async function get(context: RestContext, url: string): Promise<Answer> {
  const [path = '', query = ''] = url.split('?', 2);
  const [type = '', id, underscore, version, ...more] = path.split('/');
  if (!isResourceType(type) || more.length > 0 || (underscore !== undefined && underscore !== '_history')) {
    throw new ExchangeError('not-supported', { diagnostics: 'The url is none of read, vread, history or search.' });
  }
  if (id !== undefined && !isFhirId(id)) throw new ExchangeError('not-found');
  if (id === undefined) return search(context, type, new URLSearchParams(query));
  if (underscore === undefined) return read(context, type, id);
  return version === undefined ? history(context, type, id) : vread(context, type, id, version);
}
