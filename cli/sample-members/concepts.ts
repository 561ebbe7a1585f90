import { decimal } from './json.ts';
import type { JsonObject } from './json.ts';

export const SYSTEMS = {
  snomed: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  icd10: 'http://hl7.org/fhir/sid/icd-10-cm',
  cpt: 'http://www.ama-assn.org/go/cpt',
  cdt: 'http://www.ada.org/cdt',
  cvx: 'http://hl7.org/fhir/sid/cvx',
  ndc: 'http://hl7.org/fhir/sid/ndc',
  npi: 'http://hl7.org/fhir/sid/us-npi',
  naic: 'urn:oid:2.16.840.1.113883.6.300',
  nucc: 'http://nucc.org/provider-taxonomy',
  ucum: 'http://unitsofmeasure.org',
  omb: 'urn:oid:2.16.840.1.113883.6.238',
  placeOfService: 'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set',
  identifierType: 'http://terminology.hl7.org/CodeSystem/v2-0203',
  actCode: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
} as const;

const HL7 = 'http://terminology.hl7.org/CodeSystem';
export const US_CORE = 'http://hl7.org/fhir/us/core';
export const CARIN = 'http://hl7.org/fhir/us/carin-bb';
export const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';

/** A code of HL7's own terminology: `hl7Concept('condition-clinical', 'active')`. */
export function hl7Concept(system: string, code: string, display?: string): JsonObject {
  return concept(`${HL7}/${system}`, code, display);
}

export function coding(system: string, code: string, display?: string): JsonObject {
  return { system, code, display };
}

export function concept(system: string, code: string, display?: string): JsonObject {
  return { coding: [coding(system, code, display)], text: display };
}

/** Without the wording that the owner of the code system licenses. */
export function cptConcept(code: string, text: string): JsonObject {
  return { coding: [coding(SYSTEMS.cpt, code)], text };
}

export function quantity(digits: string, unit: string, code = unit): JsonObject {
  return { value: decimal(digits), unit, system: SYSTEMS.ucum, code };
}

export function identifierOf(system: string, value: string, type?: string): JsonObject {
  return { type: type === undefined ? undefined : concept(SYSTEMS.identifierType, type), system, value };
}

export function usCore(...names: readonly string[]): JsonObject {
  return { profile: names.map((name) => `${US_CORE}/StructureDefinition/us-core-${name}`) };
}
