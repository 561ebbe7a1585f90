import { PDEX, US_CORE, concept, hl7Concept, usCore } from './concepts.ts';
import type { Visit } from './encounters.ts';
import { SAMPLE_PAYER } from './payer.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { HOUR, instantText } from './times.ts';

/** Who wrote these resources, and that the payer holds them. */
export function authorRecord(record: MemberRecord, visit: Visit, targets: readonly Target[]): ResourceBody {
  return {
    ...record.newTarget('Provenance'),
    meta: usCore('provenance'),
    target: targets.map((target) => referenceTo(target)),
    recorded: instantText(visit.span.end + HOUR),
    agent: [
      {
        type: hl7Concept('provenance-participant-type', 'author', 'Author'),
        who: referenceTo(visit.clinician, visit.clinician.name),
        onBehalfOf: referenceTo(visit.site.organization, visit.site.name),
      },
      {
        type: concept(`${US_CORE}/CodeSystem/us-core-provenance-participant-type`, 'transmitter', 'Transmitter'),
        who: referenceTo(record.directory.payer, SAMPLE_PAYER.display),
      },
    ],
    entity: [
      {
        extension: [
          {
            url: `${PDEX}/StructureDefinition/ProvenanceSourceFrom`,
            valueCodeableConcept: concept(`${PDEX}/CodeSystem/ProvenancePayerDataSource`, 'hl7ccda'),
          },
        ],
        role: 'source',
        what: { display: 'No reference available' },
      },
    ],
  };
}
