import { idOfUrn } from '../../fhir/identifiers.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import { LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import type { ExchangeContext, ImportContext } from '../../fhir/import-transform.ts';
import { attachmentId } from '../../fhir/missing-references.ts';
import type { TargetStore } from './import-threads.ts';
import { TargetMemory } from './target-memory.ts';
import type { Target } from './target-memory.ts';
import { typesOfUrns } from './urn-types.ts';

interface Resolvers extends Required<Pick<ImportContext, 'resolve' | 'resolveIdentifier' | 'resolveUrn' | 'localKey'>> {
  /** Whether the store had to be asked. */
  readonly asked: boolean;
  /** The record is stored with this batch: nobody needs to ask for it again. */
  bring(type: string, originalId: string): void;
}

/**
 * Answers, for the references of a batch, which targets are here: of this batch (`own`), of this exchange, or of an
 * earlier one of this payer.
 */
export type TargetLookup = (targets: readonly ReferenceTargets[], own: readonly OriginalKey[]) => Promise<Resolvers>;

interface OriginalKey {
  readonly type: string;
  readonly originalId: string;
}

/** So many types of URNs are remembered. */
const REMEMBERED = 50_000;

export function targetLookup(store: TargetStore, exchangeId: string, context: ExchangeContext): TargetLookup {
  const memory = new TargetMemory(context);
  const typeOfUrn = new Map<string, string>();
  const byIdentifier = new Map<string, string | undefined>();
  let batch = 0;
  const askFor = async (targets: readonly ReferenceTargets[]): Promise<boolean> => {
    const asked = new Set<Target>();
    const ask = (target: Target): void => {
      if (!target.isHere && target.batch !== batch) asked.add(target);
    };
    for (const { literals, attachments } of targets) {
      for (const { type, originalId } of literals) ask(memory.of(type, originalId));
      for (const { url } of attachments) ask(memory.of('Binary', attachmentId(url)));
    }
    if (asked.size === 0) return false;
    const known = await store.known(exchangeId, [...asked]);
    for (const target of asked) if (known.has(target.key)) memory.bring(target);
    return true;
  };
  const askForIdentifiers = async (targets: readonly ReferenceTargets[]): Promise<void> => {
    for (const { type, system, value } of targets.flatMap((each) => each.conditionals)) {
      const key = JSON.stringify([type, system, value]);
      // Others are looked for once, before the publication.
      if (byIdentifier.has(key) || !LOOKED_UP_TYPES.has(type)) continue;
      byIdentifier.set(key, await store.broughtByIdentifier(exchangeId, type, { system, value }));
    }
  };
  const askForUrns = async (targets: readonly ReferenceTargets[], own: readonly OriginalKey[]): Promise<void> => {
    const named = targets.flatMap(({ urns }) => urns.flatMap((urn) => idOfUrn(urn) ?? []));
    const ids = [...new Set(named)].filter((id) => !typeOfUrn.has(id));
    const types = ids.length === 0 ? [] : await typesOfUrns(store, exchangeId, context, ids, own);
    for (const [id, type] of types) typeOfUrn.set(id, type);
  };

  return async (targets, records) => {
    memory.age();
    if (typeOfUrn.size > REMEMBERED) typeOfUrn.clear();
    batch += 1;
    for (const { type, originalId } of records) memory.of(type, originalId).batch = batch;
    const asked = await askFor(targets);
    await askForIdentifiers(targets);
    await askForUrns(targets, records);
    const now = batch;
    return {
      asked,
      bring: (type, originalId) => {
        memory.bring(memory.of(type, originalId));
      },
      localKey: (type, originalId) => memory.of(type, originalId).key,
      resolve: (type, originalId) => {
        const { isHere, batch: last } = memory.of(type, originalId);
        return isHere || last === now;
      },
      resolveUrn: (originalId) => typeOfUrn.get(originalId),
      resolveIdentifier: (type, system, value) => byIdentifier.get(JSON.stringify([type, system, value])),
    };
  };
}
