import { ExchangeError } from '../../fhir/errors.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { bundleText, historyEntry } from './bundle-text.ts';
import { resourceAnswer } from './interaction.ts';
import type { Answer, RestContext } from './interaction.ts';

/** @throws ExchangeError `not-found` (also where the caller may not see it), `deleted` */
export async function read(context: RestContext, type: string, id: string): Promise<Answer> {
  context.access.assertScope(type, 'r');
  return resourceAnswer(await shown(context, await context.store.read(type, id)));
}

/** @throws ExchangeError `not-found`, `deleted` */
export async function vread(context: RestContext, type: string, id: string, versionId: string): Promise<Answer> {
  context.access.assertScope(type, 'r');
  return resourceAnswer(await shown(context, await context.store.vread(type, id, versionId)));
}

/** @throws ExchangeError `not-found` where there is no version that the caller may see */
export async function history(context: RestContext, type: string, id: string): Promise<Answer> {
  context.access.assertScope(type, 'r');
  const versions = await context.store.history(type, id);
  const entries: string[] = [];
  for (const [index, version] of versions.entries()) {
    const created = index === versions.length - 1 || versions[index + 1]?.deleted === true;
    const visible = await showVersion(context, version);
    if (visible !== undefined) entries.push(historyEntry(context.baseUrl, visible, created));
  }
  if (entries.length === 0) throw new ExchangeError('not-found');
  return { status: 200, text: bundleText({ type: 'history', total: entries.length, links: [], entries }) };
}

async function shown(context: RestContext, resource: StoredResource | undefined): Promise<StoredResource> {
  const visible = resource && (await showVersion(context, resource));
  if (visible === undefined) throw new ExchangeError('not-found');
  if (visible.deleted) throw new ExchangeError('deleted');
  return visible;
}

/** A tombstone holds nothing by which to tell whose it was to see: it is the operator's. So is evidence. */
export async function showVersion(
  { access, store }: RestContext,
  version: StoredResource,
): Promise<StoredResource | undefined> {
  if (version.deleted || version.evidence) return access.isOperator ? version : undefined;
  if (!access.isOperator) {
    // What was corrected, deleted or labelled since is no longer a partner's to see in its former state.
    const newest = await store.read(version.type, version.id);
    if (newest === undefined || newest.deleted) return undefined;
    if (newest.versionId !== version.versionId && (await access.show(newest)) === undefined) return undefined;
  }
  return access.show(version);
}
