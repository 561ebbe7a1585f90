import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import { history } from './history.ts';
import type { Answer, RestContext } from './interaction.ts';
import { read, vread } from './read.ts';
import { REST_TYPES } from './rest-types.ts';
import { search } from './search.ts';

/**
 * A reading interaction by its URL below the base, as entries of Bundles name it.
 *
 * @throws ExchangeError `not-supported` for a URL that is none
 */
export async function get(context: RestContext, url: string): Promise<Answer> {
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const parameters = new URLSearchParams(question === -1 ? '' : url.slice(question + 1));
  const [type = '', id, underscore, version, ...more] = path.split('/');
  if (!REST_TYPES.has(type) || more.length > 0 || (underscore !== undefined && underscore !== '_history')) {
    throw new ExchangeError('not-supported', { diagnostics: 'The url is none of read, vread, history or search.' });
  }
  if (id !== undefined && !isFhirId(id)) throw new ExchangeError('not-found');
  if (id === undefined) return search(context, type, parameters);
  if (underscore === undefined) return read(context, type, id);
  return version === undefined ? history(context, type, id, parameters) : vread(context, type, id, version);
}
