import { hash } from 'node:crypto';
import { marksOf } from '../../fhir/record-marks.ts';
import type { ImportRow, ResourceKey } from '../../store/fhir-store.ts';

/** A resource of our own making as a row to stage; in the member's compartment, or in none. */
export function generatedRow(
  resource: { readonly resourceType: string; readonly id?: string },
  patientId: string | undefined,
): ImportRow {
  const key = { type: resource.resourceType, id: resource.id ?? '' };
  return generatedTextRow(key, JSON.stringify(resource), patientId);
}

/** The same of one that is written already. */
export function generatedTextRow({ type, id }: ResourceKey, text: string, patientId: string | undefined): ImportRow {
  // Bytes lie outside the heap: what waits for the database is nothing that the collector has to move.
  const content = Buffer.from(text);
  return { type, id, content, patientId, contentHash: hash('sha256', content, 'hex'), ...marksOf(text) };
}
