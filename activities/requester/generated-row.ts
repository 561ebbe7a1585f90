import { createHash } from 'node:crypto';
import type { ImportRow } from '../../store/fhir-store.ts';

/** A resource of our own making as a row to stage; in the member's compartment, or in none. */
export function generatedRow(
  resource: { readonly resourceType: string; readonly id?: string },
  patientId: string | undefined,
): ImportRow {
  const text = JSON.stringify(resource);
  return {
    ...{ type: resource.resourceType, id: resource.id ?? '', text, patientId },
    contentHash: createHash('sha256').update(text).digest('hex'),
  };
}
