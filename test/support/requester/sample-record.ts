import type { MemberInput } from '../responder/state.ts';

const PATIENT = 'p1';

/** A small record of one member with what is hard about records: decimals, Unicode, contained, conditional, missing targets. */
export const SAMPLE_LINES: Record<string, string[]> = {
  Patient: [
    `{"resourceType":"Patient","id":"${PATIENT}","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MB"}]},"system":"urn:example:old","value":"M-1"}],"name":[{"family":"Person","given":["Zo\\u00eb","王"]}],"gender":"female","birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1974-12-25T14:35:45-05:00"}]}}`,
  ],
  Observation: Array.from(
    { length: 25 },
    (_, index) =>
      `{"resourceType":"Observation","id":"o${index}","meta":{"versionId":"7","lastUpdated":"2024-01-01T00:00:00Z","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]},"status":"final","code":{"text":"é 😀"},"subject":{"reference":"Patient/${PATIENT}"},"encounter":{"reference":"Encounter/e${index % 3}"},"performer":[{"reference":"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|99999"}],"valueQuantity":{"value":1.${index}0,"unit":"mg"},"unknownField":{"x":1.500}}`,
  ),
  Encounter: [0, 1, 2].map(
    (index) =>
      `{"resourceType":"Encounter","id":"e${index}","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/${PATIENT}"},"participant":[{"individual":{"reference":"Practitioner/dr1","display":"Dr. One"}}],"serviceProvider":{"reference":"Organization/not-delivered","display":"Gone"}}`,
  ),
  Practitioner: [
    '{"resourceType":"Practitioner","id":"dr1","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"99999"}],"name":[{"family":"One"}]}',
  ],
  ExplanationOfBenefit: [
    `{"resourceType":"ExplanationOfBenefit","id":"eob1","contained":[{"resourceType":"Coverage","id":"cov","payor":[{"display":"x"}]}],"status":"active","use":"claim","patient":{"reference":"Patient/${PATIENT}"},"insurance":[{"focal":true,"coverage":{"reference":"#cov"}}],"total":[{"amount":{"value":100.10,"currency":"USD"}}]}`,
  ],
};

export const SAMPLE_MEMBER: MemberInput = { patientId: PATIENT, memberId: 'M-1', lines: SAMPLE_LINES };

export const countOf = (lines: Record<string, string[]>): number => Object.values(lines).flat().length;
