import type { VariantGroup } from './variant.ts';

const html = { contentType: 'html' } as const;

export const MATCH_VARIANTS: VariantGroup = {
  title: 'Answers of `$member-match`',
  variants: [
    {
      partner: 'HRex 1.2: `MemberIdentifier` as `valueIdentifier` (UMB of hrex-temp), and `MemberId`',
      carryover: 'takes the Patient of `MemberId`',
      behaviour: {},
      outcome: 'same',
    },
    {
      partner: 'identifier typed `UMB` of v2-0203 alone',
      carryover: 'looks for the one Patient that has it, by `POST Patient/_search`',
      behaviour: { match: { identifierType: 'v2-0203#UMB', memberId: 'none' } },
      outcome: 'same',
      requests: [/^POST .*\/Patient\/_search/],
    },
    {
      partner: 'HRex 1.0: identifier typed `MB` alone',
      carryover: 'the same',
      behaviour: { match: { identifierType: 'v2-0203#MB', memberId: 'none' } },
      outcome: 'same',
    },
    {
      partner: 'an absolute reference in `MemberId`',
      carryover: 'takes its id',
      behaviour: { match: { memberId: 'absolute' } },
      outcome: 'same',
    },
    {
      partner: '`MemberIdentifier` as `valueId` (`Patient/…`)',
      carryover: 'takes the id; no identifier is looked up',
      behaviour: { match: { shape: 'valueId' } },
      outcome: 'same',
      requests: [['!', /_search/]],
    },
    {
      partner: '`MemberIdentifier` as `valueReference`',
      carryover: 'takes the id',
      behaviour: { match: { shape: 'identifierReference' } },
      outcome: 'same',
    },
    {
      partner: '`MemberId` and no `MemberIdentifier`',
      carryover: 'takes the id',
      behaviour: { match: { shape: 'memberIdReference' } },
      outcome: 'same',
    },
    {
      partner: 'the posted parameters echoed beside the answer',
      carryover: 'takes the answer, never the echoed Patient',
      behaviour: { match: { shape: 'echo' } },
      outcome: 'same',
    },
    {
      partner: 'ballots: the submitted Patient with a UMB more, and the coverage, under older names',
      carryover: 'looks for the Patient that has the UMB',
      behaviour: { match: { shape: 'memberPatient' } },
      outcome: 'same',
    },
    {
      partner: 'right JSON labelled `text/plain`',
      carryover: 'reads it',
      behaviour: { match: { contentType: 'text' } },
      outcome: 'same',
    },
    {
      partner: 'XML, though JSON was asked for',
      carryover: 'ends the exchange, and says that it was the format',
      behaviour: { match: { contentType: 'xml' } },
      outcome: { at: 'match-member', reason: 'peer-media-type' },
    },
    {
      partner: 'a web page with status 200',
      carryover: 'the same',
      behaviour: { match: html },
      outcome: { at: 'match-member', reason: 'peer-media-type' },
    },
    {
      partner: '422 for a consent that it does not honour',
      carryover: 'ends the exchange as `consent-refused`',
      behaviour: { match: { refuseConsent: true } },
      outcome: { at: 'match-member', reason: 'consent-refused' },
    },
    {
      partner: '429 with `Retry-After`',
      carryover: 'waits, and asks again',
      behaviour: { match: { failures: [{ times: 2, status: 429, retryAfter: { form: 'seconds', seconds: 1 } }] } },
      outcome: 'same',
    },
    {
      partner: 'the operation elsewhere',
      carryover: 'asks where `matchOperation` of its definition says',
      behaviour: { match: { path: 'Member/$match' } },
      definition: { matchOperation: 'Member/$match' },
      outcome: 'same',
    },
    {
      partner: 'no `CoverageToLink` is taken',
      carryover: 'leaves it out where `coverageToLink` is `never`, with a warning',
      behaviour: { match: { coverageToLinkForbidden: true } },
      definition: { coverageToLink: 'never' },
      outcome: 'same',
      warnings: ['match-adapted'],
    },
    {
      partner: 'a policy URI of its own in the Consent',
      carryover: 'sends the one that `consentPolicies` gives for the HRex one, with a warning',
      behaviour: { match: { policyUris: ['https://payer.example/policies#regular'] } },
      definition: { consentPolicies: { regular: 'https://payer.example/policies#regular' } },
      outcome: 'same',
      warnings: ['match-adapted'],
    },
  ],
};
