import type { Behaviour, Patch } from '../../support/responder/options.ts';
import type { VariantGroup } from './variant.ts';

const entry = (name: string, value: string): string => JSON.stringify({ name, valueString: value });
const NO_EXPORTS = { typeLevel: false, instanceLevel: false, groupLevel: false } as const;
const EVERYTHING = { kickOff: NO_EXPORTS, everything: { enabled: true, pageSize: 4 } } satisfies Patch<Behaviour>;
const SEARCHES = {
  kickOff: NO_EXPORTS,
  search: { enabled: true, pageSize: 4 },
  discovery: { truthful: true },
} satisfies Patch<Behaviour>;

export const EXPORT_VARIANTS: VariantGroup = {
  title: 'Ways to the records of one member',
  variants: [
    {
      partner: '`POST Patient/$export` with `patient` (Bulk Data 2.0)',
      carryover: 'asks so first',
      behaviour: {},
      outcome: 'same',
      form: 'type-level',
    },
    {
      partner: '`Patient/<id>/$export` in its CapabilityStatement, and nothing else',
      carryover: 'asks so first',
      behaviour: { kickOff: { typeLevel: false, instanceLevel: true }, discovery: { truthful: true } },
      outcome: 'same',
      form: 'instance-level',
      requests: [['!', /\/Patient\/\$export/]],
    },
    {
      partner: '`Patient/<id>/$export` that it does not name',
      carryover: 'asks so after the refusal of the standard form, and begins with it the next time',
      behaviour: { kickOff: { typeLevel: false, instanceLevel: true } },
      outcome: 'same',
      form: 'instance-level',
    },
    ...[404, 405, 501].map((status) => ({
      partner: `${status} for a form that it does not have`,
      carryover: 'tries the next one',
      behaviour: { kickOff: { typeLevel: false, instanceLevel: true, unsupportedStatus: status } },
      outcome: 'same' as const,
      form: 'instance-level' as const,
    })),
    {
      partner: 'kick-off by GET alone (Bulk Data 1.0)',
      carryover: 'asks by GET where the path names the member; never for everybody',
      behaviour: { kickOff: { typeLevel: false, instanceLevel: true, post: false } },
      outcome: 'same',
      form: 'instance-level',
      requests: [/^GET .*\/Patient\/p1\/\$export/],
    },
    {
      partner: 'a Group for each member',
      carryover: 'looks for the Group whose only member this is, and exports it',
      behaviour: {
        kickOff: { typeLevel: false, groups: true, groupLevel: true },
        discovery: { truthful: true },
      },
      outcome: 'same',
      form: 'group',
    },
    {
      partner: 'a Group with other members too',
      carryover: 'does not export it',
      behaviour: {
        kickOff: { typeLevel: false, groups: true, groupLevel: true, groupMembers: 'several' },
        discovery: { truthful: true },
      },
      outcome: { at: 'start-export', reason: 'export-refused' },
      requests: [['!', /\/Group\/[^/]+\/\$export/]],
    },
    {
      partner: 'a token for one member (`patient` in its answer), and no `patient` parameter',
      carryover: 'exports without the parameter, since the token reaches nobody else',
      behaviour: { token: { boundTo: 'p1' }, kickOff: { tokenBound: true } },
      outcome: 'same',
      form: 'token-bound',
    },
    {
      partner: 'no `patient` parameter, and a token that says nothing',
      carryover: 'never exports without it',
      behaviour: { kickOff: { tokenBound: true } },
      outcome: { at: 'start-export', reason: 'export-refused' },
    },
    {
      partner: '`$everything`, page by page, and no export',
      carryover: 'reads the pages into one file for each type',
      behaviour: EVERYTHING,
      outcome: 'same',
      form: 'everything',
    },
    {
      partner: '`$everything` with shared resources on each page, an OperationOutcome and line breaks in its JSON',
      carryover: 'the same',
      behaviour: {
        ...EVERYTHING,
        everything: { enabled: true, pageSize: 4, repeatShared: true, outcomeEntry: true, pretty: true },
      },
      outcome: 'same',
      form: 'everything',
    },
    {
      partner: 'relative `next` links',
      carryover: 'resolves them against the page',
      behaviour: { ...EVERYTHING, everything: { enabled: true, pageSize: 4, links: 'relative' } },
      outcome: 'same',
    },
    {
      partner: 'a `next` link that is gone',
      carryover: 'begins that request anew, and stores nothing twice',
      behaviour: { ...EVERYTHING, everything: { enabled: true, pageSize: 4, expireLinkAfterPages: 2 } },
      outcome: 'same',
    },
    {
      partner: 'a `next` link to another host',
      carryover: 'does not follow it',
      behaviour: { ...EVERYTHING, everything: { enabled: true, pageSize: 4, links: 'other-origin' } },
      outcome: { at: 'download', reason: 'host-not-allowed' },
    },
    {
      partner: '503 for a page in the middle',
      carryover: 'goes on with that page',
      behaviour: {
        ...EVERYTHING,
        everything: { enabled: true, pageSize: 4, failuresFromPage: 3, failures: [{ times: 2, status: 503 }] },
      },
      outcome: 'same',
    },
    {
      partner: 'searches by patient, and nothing else',
      carryover: 'searches each type that its CapabilityStatement names, then reads what the records point to',
      behaviour: SEARCHES,
      outcome: 'same',
      form: 'search',
      requests: [/\/Observation\?.*patient=/],
      // The practitioner is known from an exchange before.
      records: -1,
    },
    {
      partner: 'batches of reads',
      carryover: 'reads what the records point to by batch',
      behaviour: { ...SEARCHES, batch: { enabled: true } },
      outcome: 'same',
      records: -1,
      form: 'search',
    },
    {
      partner: '`_outputFormat` is not known',
      carryover: 'asks without it, with a warning: the records are the same',
      behaviour: { kickOff: { supportedParameters: ['_type', '_since', 'patient'] } },
      request: { exportEntries: [entry('_outputFormat', 'application/fhir+ndjson')] },
      outcome: 'same',
      warnings: ['parameters-left-out'],
    },
    {
      partner: '`_typeFilter` is not known, and no other form is there',
      carryover: 'ends the exchange: without it, more would come than was asked for',
      behaviour: {},
      request: { exportEntries: [entry('_typeFilter', 'Observation?category=laboratory')] },
      outcome: { at: 'start-export', reason: 'export-refused' },
    },
    {
      partner: 'no CapabilityStatement',
      carryover: 'asks in the standard way',
      behaviour: { discovery: { capability: 'missing' } },
      outcome: 'same',
      form: 'type-level',
    },
    {
      partner: 'a CapabilityStatement in XML alone',
      carryover: 'the same',
      behaviour: { discovery: { capability: 'xml-only' } },
      outcome: 'same',
      form: 'type-level',
    },
    {
      partner: '403 for the kick-off',
      carryover: 'ends the exchange, and tries no other form',
      behaviour: {
        kickOff: { failures: [{ times: 9, status: 403, code: 'forbidden' }] },
        everything: { enabled: true },
      },
      outcome: { at: 'start-export', reason: 'export-refused' },
      requests: [['!', /everything/]],
    },
  ],
};
