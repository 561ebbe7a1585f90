import type { Provenance, ProvenanceAgent, ProvenanceEntity } from 'fhir/r4.js';
import { hashedId } from './identifiers.ts';

/** Largest number of targets of one Provenance of ours. */
export const PROVENANCE_TARGETS = 500;

export interface ProvenanceContext {
  readonly exchangeId: string;
  readonly profile: 'vendor' | 'pdex';
  /** Instant of receipt (pdex-07): not when the care took place. */
  readonly recorded: string;
  /** `transactionTime` of the export, where known. */
  readonly occurred?: string;
  /** `Organization/<id>` of the responding payer. */
  readonly respondingOrganization: string;
  /** `Organization/<id>` of ours, the custodian from now on. */
  readonly ownOrganization?: string;
  /** `Patient/<id>` of the local patient. */
  readonly localPatient: string;
  /** `DocumentReference/<id>` of the kept files. */
  readonly documents?: readonly string[];
}

const PARTICIPANT_TYPE = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const US_CORE_PARTICIPANT_TYPE = 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type';
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';

export function provenanceId(exchangeId: string, page: number): string {
  return hashedId(['provenance', exchangeId, page]);
}

/**
 * The Provenance of one page of records (`Type/id`, or `Type/id/_history/version`) that an exchange delivered.
 * The order of `targets` does not matter. Throws RangeError for no target or more than PROVENANCE_TARGETS.
 */
export function provenanceOfPage(context: ProvenanceContext, page: number, targets: readonly string[]): Provenance {
  return {
    ...opening(context, page),
    target: ordered(targets).map((reference) => ({ reference })),
    ...rest(context),
  };
}

/**
 * The same, as text and for page after page: hundreds of targets need no object each, and what all pages have in common
 * is written once.
 */
export function provenanceTexts(context: ProvenanceContext): (page: number, targets: readonly string[]) => string {
  const textOf = provenanceOfTexts(context);
  return (page, targets) => {
    // Inside of a string the quotes would have backslashes before them.
    const references = JSON.stringify(ordered(targets)).slice(1, -1).replaceAll('","', '"},{"reference":"');
    return textOf(page, [`{"reference":${references}}`]);
  };
}

/** The same of targets that are text already, as `targetTexts` writes them, in this order. */
export function provenanceOfTexts(context: ProvenanceContext): (page: number, targets: readonly string[]) => string {
  const end = JSON.stringify(rest(context)).slice(1);
  return (page, targets) => {
    const start = JSON.stringify(opening(context, page)).slice(0, -1);
    return `${start},"target":[${targets.join(',')}],${end}`;
  };
}

/** The targets of these records of one type as text. `ids`: FHIR ids, one or more, with a space between two. */
export function targetTexts(type: string, ids: string): string {
  return `{"reference":"${type}/${ids.replaceAll(' ', `"},{"reference":"${type}/`)}"}`;
}

/** How many bytes these are. `idBytes`: of all `count` ids together. */
export function targetBytes(
  type: string,
  { count, idBytes }: { readonly count: number; readonly idBytes: number },
): number {
  // A comma stands between two.
  return count * (targetTexts(type, '').length + 1) - 1 + idBytes;
}

function ordered(targets: readonly string[]): readonly string[] {
  if (targets.length === 0 || targets.length > PROVENANCE_TARGETS) {
    throw new RangeError(`a Provenance has 1 to ${PROVENANCE_TARGETS} targets`);
  }
  return [...targets].sort();
}

function opening(
  { exchangeId, profile }: ProvenanceContext,
  page: number,
): Pick<Provenance, 'resourceType' | 'id' | 'meta'> {
  return {
    resourceType: 'Provenance',
    id: provenanceId(exchangeId, page),
    ...(profile === 'pdex' && { meta: { profile: [`${PDEX}/StructureDefinition/pdex-provenance`] } }),
  };
}

/** What stands behind the targets. */
function rest(context: ProvenanceContext): Omit<Provenance, 'resourceType' | 'id' | 'meta' | 'target'> {
  return {
    ...(context.occurred !== undefined && { occurredDateTime: context.occurred }),
    recorded: context.recorded,
    reason: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'RECORDMGT' }] }],
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'APPEND' }] },
    agent: agents(context),
    entity: entities(context.documents ?? []),
  };
}

function agents({
  profile,
  respondingOrganization,
  ownOrganization,
  localPatient,
}: ProvenanceContext): ProvenanceAgent[] {
  const transmitter: ProvenanceAgent = {
    type: { coding: [{ system: US_CORE_PARTICIPANT_TYPE, code: 'transmitter', display: 'Transmitter' }] },
    who: { reference: respondingOrganization },
    // PDex allows an Organization only; the vendor's form names the patient for whom the payer acted.
    ...(profile === 'vendor' && { onBehalfOf: { reference: localPatient } }),
  };
  if (ownOrganization === undefined) return [transmitter];
  const custodian: ProvenanceAgent = {
    type: { coding: [{ system: PARTICIPANT_TYPE, code: 'custodian', display: 'Custodian' }] },
    who: { reference: ownOrganization },
  };
  return [transmitter, custodian];
}

function entities(documents: readonly string[]): ProvenanceEntity[] {
  const extension = [
    {
      url: `${PDEX}/StructureDefinition/ProvenanceSourceFrom`,
      valueCodeableConcept: {
        coding: [{ system: `${PDEX}/CodeSystem/ProvenancePayerDataSource`, code: 'hl7fhirr4', display: 'FHIR R4' }],
      },
    },
  ];
  if (documents.length === 0) return [{ extension, role: 'source', what: { display: 'No reference available' } }];
  return documents.map((reference) => ({ extension, role: 'source', what: { reference } }));
}
