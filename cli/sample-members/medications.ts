import { SYSTEMS, concept, hl7Concept, quantity, usCore } from './concepts.ts';
import type { Drug } from './clinical-codes.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { siteOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { DAY, localText } from './times.ts';

export interface Prescription {
  readonly body: ResourceBody;
  readonly drug: Drug;
}

/** The drug is named by code, by a shared Medication, or by a contained one. */
export function prescription(record: MemberRecord, visit: Visit, reason?: Target): Prescription {
  const { random, directory } = record;
  const medication = random.pick(directory.medications);
  const { drug } = medication;
  const form = random.integer(0, 2);
  const named = concept(SYSTEMS.rxnorm, drug.rxnorm, drug.display);
  const body = {
    ...record.newTarget('MedicationRequest'),
    meta: usCore('medicationrequest'),
    contained: form === 2 ? [{ resourceType: 'Medication', id: 'med1', code: named }] : undefined,
    status: 'active',
    intent: 'order',
    category: [hl7Concept('medicationrequest-category', 'community', 'Community')],
    reportedBoolean: false,
    medicationCodeableConcept: form === 0 ? named : undefined,
    medicationReference: medicationReference(form, medication),
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    authoredOn: localText(visit.span.start),
    requester: referenceTo(visit.clinician, visit.clinician.name),
    reasonReference: reason && [referenceTo(reason)],
    dosageInstruction: [dosage(drug)],
    dispenseRequest: {
      numberOfRepeatsAllowed: 3,
      quantity: quantity('90.0', drug.unit),
      expectedSupplyDuration: quantity('90', 'days', 'd'),
    },
  };
  return { body, drug };
}

function medicationReference(form: number, medication: Target & { readonly drug: Drug }): JsonObject | undefined {
  if (form === 0) return undefined;
  return form === 2 ? { reference: '#med1' } : referenceTo(medication, medication.drug.display);
}

function dosage({ dose, unit }: Drug): JsonObject {
  return {
    sequence: 1,
    text: `${dose} ${unit} 2×/day`,
    timing: { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
    doseAndRate: [{ type: hl7Concept('dose-rate-type', 'ordered', 'Ordered'), doseQuantity: quantity(dose, unit) }],
  };
}

/** Within a month of the prescription. */
export function dispense(record: MemberRecord, visit: Visit, { body, drug }: Prescription): ResourceBody {
  const pharmacy = siteOf(record, 'pharmacy');
  return {
    ...record.newTarget('MedicationDispense'),
    meta: usCore('medicationdispense'),
    status: 'completed',
    medicationCodeableConcept: concept(SYSTEMS.rxnorm, drug.rxnorm, drug.display),
    subject: subjectOf(record),
    context: referenceTo(visit.encounter),
    performer: [{ actor: referenceTo(pharmacy.organization, pharmacy.name) }],
    authorizingPrescription: [referenceTo(body)],
    type: hl7Concept('v3-ActCode', 'FF', 'First Fill'),
    quantity: quantity('30.00', drug.unit),
    daysSupply: quantity('30', 'days', 'd'),
    whenHandedOver: localText(visit.span.start + record.random.integer(1, 25) * DAY),
    dosageInstruction: [dosage(drug)],
  };
}
