import { heartbeat } from '@temporalio/activity';
import { identifiersOf } from '../../fhir/identifiers.ts';
import { LINKED_TYPES, linkageOf } from '../../fhir/linkage.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { generatedRow } from './generated-row.ts';

const AMBIGUOUS = {
  code: 'known-ambiguous',
  text: 'A practitioner, organization or location that came has an identifier that several of ours carry; it was linked to none.',
};

/**
 * Practitioners, organizations and locations that we hold already, by NPI or another configured identifier, are linked with
 * what came: both stay as they are, and a Linkage says that they are one.
 */
export async function linkKnown(deps: RequesterDeps, exchange: ExchangeRecord): Promise<void> {
  const { exchanges, fhir, settings } = deps;
  if (settings.knownBy.length === 0) return;
  const author = settings.ownOrganizationId === undefined ? undefined : `Organization/${settings.ownOrganizationId}`;
  for await (const key of fhir.stagedKeys(exchange.id, LINKED_TYPES)) {
    const known = await knownOnes(deps, exchange.id, key);
    if (known.length > 1) await exchanges.addWarning(exchange.id, AMBIGUOUS);
    const [only] = known;
    if (known.length !== 1 || only === undefined) continue;
    const linkage = linkageOf({ known: keyOf(only), imported: keyOf(key), author });
    await fhir.stageGenerated(exchange.id, [{ ...generatedRow(linkage, undefined), evidence: true }]);
    heartbeat({ linked: keyOf(key) });
  }
}

/** Our own ones first: what another payer sent counts where we have none. */
async function knownOnes(
  { fhir, settings }: RequesterDeps,
  exchangeId: string,
  key: ResourceKey,
): Promise<readonly ResourceKey[]> {
  const text = (await fhir.stagedText(exchangeId, key)) ?? (await fhir.read(key.type, key.id))?.text;
  const resource: unknown = JSON.parse(text ?? 'null');
  if (!isRecord(resource)) return [];
  const found = new Map<string, ResourceKey>();
  for (const identifier of identifiersOf(resource)) {
    if (!settings.knownBy.includes(identifier.system)) continue;
    for (const each of await fhir.findByIdentifier(key.type, identifier)) found.set(keyOf(each), each);
  }
  found.delete(keyOf(key));
  const stored = await Promise.all([...found.values()].map(({ type, id }) => fhir.read(type, id)));
  const native = stored.filter((each) => each?.origin === 'native');
  return (native.length > 0 ? native : stored).flatMap((each) => (each ? [{ type: each.type, id: each.id }] : []));
}
