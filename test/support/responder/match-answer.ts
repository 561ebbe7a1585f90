import type { Answer } from './answers.ts';
import { fhirAnswer, jsonAnswer } from './answers.ts';
import { fhirXml } from './fhir-xml.ts';
import { at, isRecord } from './json.ts';
import { patientOf } from './members.ts';
import type { Member, State } from './state.ts';

const HREX_TEMP = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** The answer of `$member-match` in the shape and form that are set. */
export function matchAnswer(state: State, member: Member, input: Record<string, unknown>): Answer {
  const answer = { resourceType: 'Parameters', parameter: parametersOf(state, member, input) };
  switch (state.behaviour.match.contentType) {
    case 'json':
      return fhirAnswer(200, answer);
    case 'xml':
      return { status: 200, headers: { 'content-type': 'application/fhir+xml; charset=utf-8' }, body: fhirXml(answer) };
    case 'text':
      return jsonAnswer(200, answer, {}, 'text/plain');
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: '<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>',
      };
  }
}

function parametersOf(state: State, member: Member, input: Record<string, unknown>): unknown[] {
  const { shape, memberId } = state.behaviour.match;
  const prefix = memberId === 'absolute' ? `${state.baseUrl}/` : '';
  const valueReference = { reference: `${prefix}Patient/${member.patientId}` };
  const byReference = memberId === 'none' ? [] : [{ name: 'MemberId', valueReference }];
  const byIdentifier = { name: 'MemberIdentifier', valueIdentifier: identifierOf(state, member) };
  switch (shape) {
    case 'valueIdentifier':
      return [byIdentifier, ...byReference];
    case 'valueId':
      return [{ name: 'MemberIdentifier', valueId: `Patient/${member.patientId}` }];
    case 'echo':
      return [...at(input, 'parameter'), byIdentifier, ...byReference];
    case 'identifierReference':
      return [{ name: 'MemberIdentifier', valueReference }, ...byReference];
    case 'memberIdReference':
      return [{ name: 'MemberId', valueReference }];
    case 'patient':
      return [
        { name: 'patient', resource: withUmb(state, member, patientOf(member)) },
        ...echoed(input, 'CoverageToLink', 'newCoverage'),
      ];
    case 'memberPatient':
      return [
        { name: 'MemberPatient', resource: withUmb(state, member, resourceOf(input, 'MemberPatient')) },
        ...echoed(input, 'CoverageToLink', 'NewCoverage'),
      ];
  }
}

function identifierOf(state: State, member: Member): Record<string, unknown> {
  const [system, code] = state.behaviour.match.identifierType.split('#');
  return {
    type: { coding: [{ system: system === 'hrex-temp' ? HREX_TEMP : V2_0203, code }] },
    ...member.umb,
    assigner: { display: state.payer?.name ?? 'Responding Payer' },
  };
}

function withUmb(state: State, member: Member, patient: unknown): unknown {
  const known = isRecord(patient) ? patient : { resourceType: 'Patient' };
  return { ...known, identifier: [...at(known, 'identifier'), identifierOf(state, member)] };
}

function resourceOf(input: Record<string, unknown>, name: string): unknown {
  const found = at(input, 'parameter').find((each) => isRecord(each) && each['name'] === name);
  return isRecord(found) ? found['resource'] : undefined;
}

function echoed(input: Record<string, unknown>, name: string, as: string): unknown[] {
  const resource = resourceOf(input, name);
  return resource === undefined ? [] : [{ name: as, resource }];
}
