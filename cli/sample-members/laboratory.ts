import { SYSTEMS, coding, concept, hl7Concept, identifierOf, quantity, usCore } from './concepts.ts';
import { labelsOf } from './conditions.ts';
import type { Visit } from './encounters.ts';
import type { Analyte, Panel } from './lab-codes.ts';
import { SENSITIVE } from './clinical-codes.ts';
import { categoryOf, observation } from './observations.ts';
import { PAYER_SYSTEMS } from './payer.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { HOUR, instantText, localText } from './times.ts';

const LABORATORY = categoryOf('laboratory', 'Laboratory');

/** Order, specimen, results, report: each points to what came before it. */
export function* panelResults(record: MemberRecord, visit: Visit, panel: Panel): Generator<ResourceBody> {
  const order = labOrder(record, visit, panel);
  yield order;
  const specimen = bloodSpecimen(record, visit, order);
  yield specimen;
  const results: ResourceBody[] = [];
  for (const analyte of panel.analytes) {
    const result = labResult(record, visit, analyte, { specimen, order });
    results.push(result);
    yield result;
  }
  yield labReport(record, visit, panel, { specimen, order, results });
}

function labOrder(record: MemberRecord, visit: Visit, panel: Panel): ResourceBody {
  return {
    ...record.newTarget('ServiceRequest'),
    meta: usCore('servicerequest'),
    status: 'completed',
    intent: 'order',
    category: [concept(SYSTEMS.snomed, '108252007', 'Laboratory procedure')],
    code: {
      coding: [coding(SYSTEMS.loinc, panel.loinc, panel.display), coding(SYSTEMS.cpt, panel.claimed)],
      text: panel.display,
    },
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    occurrenceDateTime: localText(visit.span.start),
    authoredOn: localText(visit.span.start),
    requester: referenceTo(visit.clinician, visit.clinician.name),
  };
}

function bloodSpecimen(record: MemberRecord, visit: Visit, order: Target): ResourceBody {
  return {
    ...record.newTarget('Specimen'),
    meta: usCore('specimen'),
    identifier: [identifierOf(PAYER_SYSTEMS.record, `SP${record.random.digits(9)}`)],
    status: 'available',
    type: concept(SYSTEMS.snomed, '122555007', 'Venous blood specimen'),
    subject: subjectOf(record),
    receivedTime: localText(visit.span.end),
    request: [referenceTo(order)],
    collection: { collectedDateTime: localText(visit.span.start), quantity: quantity('5.0', 'mL') },
  };
}

function labResult(
  record: MemberRecord,
  visit: Visit,
  { loinc, display, unit, code = unit, low, high }: Analyte,
  { specimen, order }: { readonly specimen: Target; readonly order: Target },
): ResourceBody {
  const places = low.split('.')[1]?.length ?? 0;
  const digits = record.random.decimal(Number(low) * 0.9, Number(high) * 1.1, places);
  const flag = Number(digits) < Number(low) ? 'L' : Number(digits) > Number(high) ? 'H' : 'N';
  return observation(record, visit, {
    meta: usCore('observation-lab'),
    basedOn: [referenceTo(order)],
    category: LABORATORY,
    code: concept(SYSTEMS.loinc, loinc, display),
    issued: instantText(visit.span.end),
    performer: [referenceTo(visit.site.organization, visit.site.name)],
    valueQuantity: quantity(digits, unit, code),
    interpretation: [hl7Concept('v3-ObservationInterpretation', flag)],
    specimen: referenceTo(specimen),
    referenceRange: [
      { low: quantity(low, unit, code), high: quantity(high, unit, code), text: `${low}–${high} ${unit}` },
    ],
  });
}

function labReport(
  record: MemberRecord,
  visit: Visit,
  panel: Panel,
  parts: { readonly specimen: Target; readonly order: Target; readonly results: readonly ResourceBody[] },
): ResourceBody {
  return {
    ...record.newTarget('DiagnosticReport'),
    meta: usCore('diagnosticreport-lab'),
    basedOn: [referenceTo(parts.order)],
    status: 'final',
    category: [hl7Concept('v2-0074', 'LAB', 'Laboratory')],
    code: concept(SYSTEMS.loinc, panel.loinc, panel.display),
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    effectiveDateTime: localText(visit.span.start),
    issued: instantText(visit.span.end + HOUR),
    performer: [referenceTo(visit.site.organization, visit.site.name)],
    specimen: [referenceTo(parts.specimen)],
    result: parts.results.map((result) => referenceTo(result)),
  };
}

const [, , HIV] = SENSITIVE;

/** A decimal with an exponent, on a result that carries a sensitivity label. */
export function viralLoad(record: MemberRecord, visit: Visit): ResourceBody {
  return observation(record, visit, {
    meta: { ...usCore('observation-lab'), security: HIV && labelsOf(HIV) },
    category: LABORATORY,
    code: concept(
      SYSTEMS.loinc,
      '20447-9',
      'HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA with probe detection',
    ),
    performer: [referenceTo(visit.site.organization, visit.site.name)],
    valueQuantity: quantity('1.20E+2', 'copies/mL', '{copies}/mL'),
  });
}
