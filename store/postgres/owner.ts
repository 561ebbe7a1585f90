import { patientReferencesOf } from '../../fhir/compartment.ts';
import { parseReference } from '../../fhir/identifiers.ts';
import { keyOf } from '../fhir-store.ts';
import type { ResourceKey } from '../fhir-store.ts';
import { keyColumns, newestOfKey } from './rows.ts';
import type { Queryable } from './transaction.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface OwnedResource extends ResourceKey {
  readonly resource: Fields;
}

/**
 * The Patient whose record each resource is: the one that it is about. A Provenance belongs to the Patient of its
 * targets. None where it is about nobody or about several.
 *
 * @param publicationId of versions staged with these, which a Provenance may target
 */
export async function ownersOf(
  client: Queryable,
  resources: readonly OwnedResource[],
  publicationId?: string,
): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>();
  const open: { readonly key: string; readonly targets: readonly ResourceKey[] }[] = [];
  for (const { type, id, resource } of resources) {
    const key = keyOf({ type, id });
    const patients = literalPatients(patientReferencesOf(resource));
    if (type === 'Patient') owners.set(key, id);
    else if (patients.length === 1 && patients[0] !== undefined) owners.set(key, patients[0]);
    else if (patients.length === 0 && type === 'Provenance') open.push({ key, targets: targetsOf(resource) });
  }
  if (open.length === 0) return owners;
  const known = await storedOwners(
    client,
    open.flatMap(({ targets }) => targets),
    publicationId,
  );
  for (const { key, targets } of open) {
    const found = new Set(targets.flatMap((target) => owners.get(keyOf(target)) ?? known.get(keyOf(target)) ?? []));
    const [owner] = found;
    if (found.size === 1 && owner !== undefined) owners.set(key, owner);
  }
  return owners;
}

function literalPatients(references: readonly string[]): string[] {
  return references.flatMap((reference) => {
    const parsed = parseReference(reference);
    return parsed.kind === 'literal' ? [parsed.id] : [];
  });
}

function targetsOf(provenance: Fields): ResourceKey[] {
  const targets: unknown = provenance['target'];
  if (!Array.isArray(targets)) return [];
  return targets.flatMap((target: unknown) => {
    const reference =
      typeof target === 'object' && target !== null && 'reference' in target ? target.reference : undefined;
    const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
    return parsed?.kind === 'literal' ? [{ type: parsed.type, id: parsed.id }] : [];
  });
}

async function storedOwners(
  client: Queryable,
  keys: readonly ResourceKey[],
  publicationId: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<ResourceKey & { readonly patient_id: string }>(
    `SELECT k.type, k.id, coalesce(s.patient_id, v.patient_id) AS patient_id
     FROM unnest($1::text[], $2::text[]) AS k(type, id)
     LEFT JOIN resource s ON s.type = k.type AND s.id = k.id AND s.publication_id = $3
     LEFT JOIN LATERAL ${newestOfKey('r.patient_id')} v ON true
     WHERE coalesce(s.patient_id, v.patient_id) IS NOT NULL`,
    [...keyColumns(keys), publicationId ?? null],
  );
  return new Map(rows.map((row) => [keyOf(row), row.patient_id]));
}
