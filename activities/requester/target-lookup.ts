import { idOfUrn } from '../../fhir/identifiers.ts';
import { importedId } from '../../fhir/import-references.ts';
import type { ReferenceTargets } from '../../fhir/import-references.ts';
import { LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import type { ImportContext } from '../../fhir/import-transform.ts';
import { attachmentId } from '../../fhir/missing-references.ts';
import type { RequesterDeps } from './deps.ts';
import type { ExchangeContext } from './import-context.ts';
import { typesOfUrns } from './urn-types.ts';

interface Resolvers extends Required<Pick<ImportContext, 'resolve' | 'resolveIdentifier' | 'resolveUrn' | 'localKey'>> {
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

/** A resource under its id at the payer, and what is known of it here. */
interface Target {
  readonly type: string;
  readonly originalId: string;
  readonly id: string;
  /** `Type/id`. */
  readonly key: string;
  isHere: boolean;
  /** Number of the batch that it came in last. */
  batch: number;
}

/** Practitioners and Encounters come again and again: so many targets are remembered. */
const REMEMBERED = 50_000;

/** Lines that lie together point to the same few, and each is asked for several times: they stand in a small table before. */
const RECENT = 1024;

/** The ends of ids differ most. */
function placeOf(id: string): number {
  const end = id.length - 1;
  return ((id.charCodeAt(end) * 31 + id.charCodeAt(end - 1)) * 31 + id.charCodeAt(end - 2)) % RECENT || 0;
}

export function targetLookup(deps: RequesterDeps, exchangeId: string, context: ExchangeContext): TargetLookup {
  const { fhir } = deps;
  /** By type and id at the payer. */
  const known = new Map<string, Map<string, Target>>();
  let remembered = 0;
  const typeOfUrn = new Map<string, string>();
  const byIdentifier = new Map<string, string | undefined>();
  let batch = 0;
  const recent = new Array<Target | undefined>(RECENT).fill(undefined);
  const targetOf = (type: string, originalId: string): Target => {
    const place = placeOf(originalId);
    const before = recent[place];
    if (before?.originalId === originalId && before.type === type) return before;
    return (recent[place] = foundOrNew(type, originalId));
  };
  const foundOrNew = (type: string, originalId: string): Target => {
    let ofType = known.get(type);
    if (ofType === undefined) known.set(type, (ofType = new Map<string, Target>()));
    const present = ofType.get(originalId);
    if (present !== undefined) return present;
    const id = importedId(context, type, originalId);
    const target = { type, originalId, id, key: `${type}/${id}`, isHere: false, batch: 0 };
    ofType.set(originalId, target);
    remembered += 1;
    return target;
  };
  const askFor = async (targets: readonly ReferenceTargets[]): Promise<void> => {
    const asked = new Set<Target>();
    const ask = (target: Target): void => {
      if (!target.isHere && target.batch !== batch) asked.add(target);
    };
    for (const { literals, attachments } of targets) {
      for (const { type, originalId } of literals) ask(targetOf(type, originalId));
      for (const { url } of attachments) ask(targetOf('Binary', attachmentId(url)));
    }
    if (asked.size === 0) return;
    const known = await fhir.known(exchangeId, [...asked]);
    for (const target of asked) target.isHere = known.has(target.key);
  };
  const askForIdentifiers = async (targets: readonly ReferenceTargets[]): Promise<void> => {
    for (const { type, system, value } of targets.flatMap((each) => each.conditionals)) {
      const key = JSON.stringify([type, system, value]);
      // Others are looked for once, before the publication.
      if (byIdentifier.has(key) || !LOOKED_UP_TYPES.has(type)) continue;
      byIdentifier.set(key, await fhir.broughtByIdentifier(exchangeId, type, { system, value }));
    }
  };
  const askForUrns = async (targets: readonly ReferenceTargets[], own: readonly OriginalKey[]): Promise<void> => {
    const named = targets.flatMap(({ urns }) => urns.flatMap((urn) => idOfUrn(urn) ?? []));
    const ids = [...new Set(named)].filter((id) => !typeOfUrn.has(id));
    const types = ids.length === 0 ? [] : await typesOfUrns(deps, exchangeId, context, ids, own);
    for (const [id, type] of types) typeOfUrn.set(id, type);
  };

  return async (targets, records) => {
    if (remembered > REMEMBERED) {
      known.clear();
      recent.fill(undefined);
      remembered = 0;
    }
    if (typeOfUrn.size > REMEMBERED) typeOfUrn.clear();
    batch += 1;
    for (const { type, originalId } of records) targetOf(type, originalId).batch = batch;
    await askFor(targets);
    await askForIdentifiers(targets);
    await askForUrns(targets, records);
    const now = batch;
    return {
      bring: (type, originalId) => {
        targetOf(type, originalId).isHere = true;
      },
      localKey: (type, originalId) => targetOf(type, originalId).key,
      resolve: (type, originalId) => {
        const { isHere, batch: last } = targetOf(type, originalId);
        return isHere || last === now;
      },
      resolveUrn: (originalId) => typeOfUrn.get(originalId),
      resolveIdentifier: (type, system, value) => byIdentifier.get(JSON.stringify([type, system, value])),
    };
  };
}
