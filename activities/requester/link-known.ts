import { heartbeat } from '@temporalio/activity';
import { identifiersOf } from '../../fhir/identifiers.ts';
import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { AMBIGUOUS, knownSource, linkageId, linkageOf, LINKED_TYPES } from '../../fhir/linkage.ts';
import type { KnownCandidate, LinkedPair } from '../../fhir/linkage.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ImportRow, ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { generatedRow } from './generated-row.ts';

const LINKAGES_AT_ONCE = 100;
/** An identifier that more records carry than there may be payers stands for "unknown". */
const MOST_CANDIDATES = 20;

/**
 * Practitioners, organizations and locations that we hold already, by NPI or another configured identifier, are linked with
 * what came: both stay as they are, and a Linkage says that they are one.
 */
export async function linkKnown(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  context: ExchangeContext,
): Promise<void> {
  const { exchanges, fhir, settings } = deps;
  if (settings.knownBy.length === 0) return;
  const author = settings.ownOrganizationId === undefined ? undefined : `Organization/${settings.ownOrganizationId}`;
  let ambiguous = 0;
  let rows: ImportRow[] = [];
  const flush = async (): Promise<void> => {
    // One that an operator has changed since stays so.
    const visible = await fhir.visible(rows);
    const fresh = rows.filter((row) => !visible.has(keyOf(row)));
    if (fresh.length > 0) await fhir.stageGenerated(exchange.id, fresh);
    rows = [];
  };
  for await (const key of fhir.stagedKeys(exchange.id, LINKED_TYPES)) {
    const known = await sourceFor(deps, exchange.id, context, key);
    heartbeat({ looked: keyOf(key) });
    if (known === AMBIGUOUS) ambiguous += 1;
    if (known === AMBIGUOUS || known === undefined) continue;
    const linkage = linkageOf({ known, imported: keyOf(key) }, author);
    rows.push({ ...generatedRow(linkage, undefined), evidence: true });
    if (rows.length >= LINKAGES_AT_ONCE) await flush();
  }
  await flush();
  if (ambiguous === 0) return;
  await exchanges.addWarning(exchange.id, {
    code: 'known-ambiguous',
    text: `${ambiguous} practitioners, organizations or locations that came have an identifier that several of ours carry; they are linked to none.`,
  });
}

async function sourceFor(
  deps: RequesterDeps,
  exchangeId: string,
  context: ExchangeContext,
  key: ResourceKey,
): Promise<ReturnType<typeof knownSource>> {
  const { fhir } = deps;
  const text = (await fhir.stagedText(exchangeId, key)) ?? (await fhir.read(key.type, key.id))?.text;
  const same = await withSameIdentifier(deps, key, text ?? '{}');
  if (same.length > MOST_CANDIDATES) return AMBIGUOUS;
  const candidates: KnownCandidate[] = [];
  for await (const stored of fhir.readMany(same)) {
    // What one payer has twice is its own affair.
    if (isOfPayer(stored, context)) continue;
    candidates.push({ key: keyOf(stored), isNative: stored.origin === 'native' });
  }
  const imported = keyOf(key);
  const linkages = pairsAmong([imported, ...candidates.map((each) => each.key)]).map((pair) => linkageKey(pair));
  const linked = await fhir.known(exchangeId, linkages);
  return knownSource(imported, candidates, (pair) => linked.has(keyOf(linkageKey(pair))));
}

async function withSameIdentifier(
  { fhir, settings }: RequesterDeps,
  key: ResourceKey,
  text: string,
): Promise<readonly ResourceKey[]> {
  const found = new Map<string, ResourceKey>();
  for (const identifier of identifiersIn(text)) {
    if (!settings.knownBy.includes(identifier.system)) continue;
    for (const each of await fhir.findByIdentifier(key.type, identifier)) found.set(keyOf(each), each);
  }
  found.delete(keyOf(key));
  return [...found.values()];
}

/** Its id derives from one of its identifiers: the id that it has there. */
function isOfPayer({ type, id, text }: StoredResource, context: ExchangeContext): boolean {
  return identifiersIn(text).some(({ value }) => importedId(context, type, value) === id);
}

function identifiersIn(text: string): ReturnType<typeof identifiersOf> {
  const resource: unknown = JSON.parse(text);
  return isRecord(resource) ? identifiersOf(resource) : [];
}

const pairsAmong = (keys: readonly string[]): LinkedPair[] =>
  keys.flatMap((known) => keys.filter((each) => each !== known).map((imported) => ({ known, imported })));

const linkageKey = (pair: LinkedPair): ResourceKey => ({ type: 'Linkage', id: linkageId(pair) });
