import { SYSTEMS, US_CORE, coding, concept, usCore } from './concepts.ts';
import { labelsOf } from './conditions.ts';
import type { Problem } from './clinical-codes.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { SAMPLE_PAYER } from './payer.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { instantText, localText, periodOf } from './times.ts';

const SENTENCES: readonly string[] = [
  'Patient in no distress, oriented, afebrile (98.60 °F).',
  'Lungs clear; heart regular, no murmur. RR 128/76 – recheck in 4 weeks.',
  'Ha tomado su medicación sin problemas desde la última visita, según dice la señora Núñez.',
  'Discussed diet & exercise; patient laughed 😄 and promised to try.',
  'Medication list reconciled, dose of 0.50 tablets unchanged.',
  'Follow-up: α-blocker if blood pressure stays ≥ 140 mmHg.',
];

const SHORT_NOTE = 6;
/** About 15 kB of text, 20 kB as base64. */
const LONG_NOTE = 210;

function attachmentOf({ random }: MemberRecord, title: string, isLong: boolean): JsonObject {
  const lines = Array.from({ length: isLong ? LONG_NOTE : SHORT_NOTE }, () => random.pick(SENTENCES));
  const bytes = Buffer.from(`${title}\n\n${lines.join('\n')}\n`, 'utf8');
  return {
    contentType: 'text/plain; charset=utf-8',
    language: 'en-US',
    data: bytes.toString('base64'),
    size: bytes.length,
    title,
  };
}

/** A note, and the report that holds the same text: both under one id, as some systems number them. */
export function* clinicalNote(
  record: MemberRecord,
  visit: Visit,
  reason: Problem,
  isLong: boolean,
): Generator<ResourceBody> {
  const [code, title] = isLong ? ['18842-5', 'Discharge summary'] : ['11506-3', 'Progress note'];
  const type = concept(SYSTEMS.loinc, code, title);
  const attachment = attachmentOf(record, `${title}: ${reason.display}`, isLong);
  const document = record.newTarget('DocumentReference');
  yield {
    ...document,
    meta: { ...usCore('documentreference'), security: labelsOf(reason) },
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${document.id}` }],
    status: 'current',
    type,
    category: [
      {
        coding: [coding(`${US_CORE}/CodeSystem/us-core-documentreference-category`, 'clinical-note', 'Clinical Note')],
      },
    ],
    subject: subjectOf(record),
    date: instantText(visit.span.end),
    author: [referenceTo(visit.clinician, visit.clinician.name)],
    custodian: referenceTo(record.directory.payer, SAMPLE_PAYER.display),
    content: [{ attachment, format: format() }],
    context: { encounter: [referenceTo(visit.encounter)], period: periodOf(visit.span) },
  };
  if (isLong) return;
  yield {
    resourceType: 'DiagnosticReport',
    id: document.id,
    meta: { ...usCore('diagnosticreport-note'), security: labelsOf(reason) },
    status: 'final',
    category: [concept(SYSTEMS.loinc, 'LP29708-2', 'Cardiology')],
    code: type,
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    effectiveDateTime: localText(visit.span.start),
    issued: instantText(visit.span.end),
    performer: [referenceTo(visit.clinician, visit.clinician.name)],
    presentedForm: [attachment],
  };
}

function format(): JsonObject {
  return coding(
    'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
    'urn:ihe:iti:xds:2017:mimeTypeSufficient',
  );
}

/** What a provider sent along with a request for prior authorization. */
export function supportingDocument(record: MemberRecord, visit: Visit): ResourceBody {
  return {
    ...record.newTarget('DocumentReference'),
    meta: usCore('documentreference'),
    status: 'current',
    type: concept(SYSTEMS.loinc, '57133-1', 'Referral note'),
    category: [
      {
        coding: [coding(`${US_CORE}/CodeSystem/us-core-documentreference-category`, 'clinical-note', 'Clinical Note')],
      },
    ],
    subject: subjectOf(record),
    date: instantText(visit.span.end),
    author: [referenceTo(visit.site.organization, visit.site.name)],
    content: [{ attachment: attachmentOf(record, 'Why this is needed', false), format: format() }],
  };
}
