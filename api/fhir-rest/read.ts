import { ExchangeError } from '../../fhir/errors.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { resourceAnswer } from './interaction.ts';
import type { Answer, RestContext } from './interaction.ts';
import { showVersions } from './show-versions.ts';

/** @throws ExchangeError `not-found` (also where the caller may not see it), `deleted` */
export async function read(context: RestContext, type: string, id: string): Promise<Answer> {
  context.access.assertScope(type, 'r');
  return resourceAnswer(await shown(context, await context.store.read(type, id), true));
}

/** @throws ExchangeError `not-found`, `deleted` */
export async function vread(context: RestContext, type: string, id: string, versionId: string): Promise<Answer> {
  context.access.assertScope(type, 'r');
  return resourceAnswer(await shown(context, await context.store.vread(type, id, versionId), false));
}

async function shown(
  context: RestContext,
  resource: StoredResource | undefined,
  isCurrent: boolean,
): Promise<StoredResource> {
  const [visible] = await showVersions(context, resource === undefined ? [] : [resource], { isCurrent });
  if (visible === undefined) throw new ExchangeError('not-found');
  if (visible.deleted) throw new ExchangeError('deleted');
  return visible;
}
