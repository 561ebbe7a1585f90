import type { Failure } from './failures.ts';

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';
export const HREX_POLICIES = { regular: `${POLICY}#regular`, sensitive: `${POLICY}#sensitive` };

export interface MatchBehaviour {
  /** Only the presence of MemberPatient and CoverageToMatch is checked. */
  lenient: boolean;
  consentRequired: boolean;
  coverageToLinkRequired: boolean;
  /** 422 when it is sent; prevails over `coverageToLinkRequired`. */
  coverageToLinkForbidden: boolean;
  /** Accepted values of Consent.policy.uri. */
  policyUris: string[];
  /** Whether this payer can hold back sensitive data; without it a `#regular` consent is refused. */
  segmentsSensitive: boolean;
  refuseConsent: boolean;
  /** Where the operation is, under the FHIR base. */
  path: string;
  /**
   * `identifierReference`, `memberIdReference`: a Patient reference in MemberIdentifier, or MemberId alone.
   * `patient`: this payer's Patient with a UMB; `memberPatient`: the submitted one; both with CoverageToLink.
   */
  shape:
    'valueIdentifier' | 'valueId' | 'echo' | 'identifierReference' | 'memberIdReference' | 'patient' | 'memberPatient';
  /** `text` is right JSON labelled text/plain, `html` a page with status 200. */
  contentType: 'json' | 'xml' | 'text' | 'html';
  identifierType: 'hrex-temp#UMB' | 'v2-0203#UMB' | 'v2-0203#MB';
  memberId: 'relative' | 'absolute' | 'none';
  failures: Failure[];
}

export function defaultMatch(): MatchBehaviour {
  return {
    lenient: false,
    consentRequired: true,
    coverageToLinkRequired: true,
    coverageToLinkForbidden: false,
    policyUris: Object.values(HREX_POLICIES),
    segmentsSensitive: true,
    refuseConsent: false,
    path: 'Patient/$member-match',
    shape: 'valueIdentifier',
    contentType: 'json',
    identifierType: 'hrex-temp#UMB',
    memberId: 'relative',
    failures: [],
  };
}
