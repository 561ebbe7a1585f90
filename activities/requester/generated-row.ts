import { createHash } from 'node:crypto';
import { marksOf } from '../../fhir/record-marks.ts';
import type { ImportRow } from '../../store/fhir-store.ts';

/** A resource of our own making as a row to stage; in the member's compartment, or in none. */
export function generatedRow(
  resource: { readonly resourceType: string; readonly id?: string },
  patientId: string | undefined,
): ImportRow {
  const content = JSON.stringify(resource);
  return {
    ...{ type: resource.resourceType, id: resource.id ?? '', content, patientId },
    contentHash: createHash('sha256').update(content).digest('hex'),
    ...marksOf(content),
  };
}
