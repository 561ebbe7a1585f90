import type { VariantGroup } from './variant.ts';

export const FILE_VARIANTS: VariantGroup = {
  title: 'Files',
  variants: [
    {
      partner: 'gzip, or none',
      carryover: 'takes both; what counts are the bytes under it',
      behaviour: { files: { gzip: false } },
      outcome: 'same',
    },
    {
      partner: 'another label: `application/json`, `text/plain`, `application/octet-stream`',
      carryover: 'goes by the manifest and the lines',
      behaviour: { files: { contentType: 'text/plain' } },
      outcome: 'same',
    },
    {
      partner: 'each file as one FHIR Binary in JSON',
      carryover: 'takes the NDJSON out of it',
      behaviour: { files: { wrap: 'binary' } },
      outcome: 'same',
    },
    {
      partner: 'a Binary unless `Accept` asks for NDJSON',
      carryover: 'asks for it',
      behaviour: { files: { wrap: 'binary-unless-accepted' } },
      outcome: 'same',
    },
    {
      partner: '`requiresAccessToken: false`, pre-signed links',
      carryover: 'sends no token',
      behaviour: { manifest: { requiresAccessToken: false } },
      outcome: 'same',
    },
    ...([400, 401] as const).map((status) => ({
      partner: `links that refuse a token by ${status}, though the manifest wants one`,
      carryover: 'asks once more without',
      behaviour: { files: { rejectsToken: status } },
      outcome: 'same' as const,
    })),
    {
      partner: 'a token that lives for seconds',
      carryover: 'gets a new one when it is refused or about to end, in the middle of anything',
      behaviour: { token: { lifetimeSeconds: 1 }, latencyMs: 250, manifest: { linesPerFile: 3 } },
      outcome: 'same',
    },
    {
      partner: 'files on another host that `allowedHosts` does not name',
      carryover: 'does not go there',
      behaviour: { files: { origin: 'other' } },
      outcome: { at: 'download', reason: 'host-not-allowed' },
    },
    {
      partner: 'links that have expired',
      carryover: 'takes those of a fresh manifest, once',
      behaviour: { files: { links: 'first-manifest-expired' } },
      outcome: 'same',
    },
    {
      partner: 'links that expire again and again',
      carryover: 'ends the exchange',
      behaviour: { files: { links: 'always-expired' } },
      outcome: { at: 'download', reason: 'export-expired' },
    },
    {
      partner: 'connections cut in the middle of a file; ranges and a strong ETag',
      carryover: 'goes on behind what is here',
      behaviour: { files: { faults: { cut: { afterBytes: 700, times: 2 } } } },
      outcome: 'same',
    },
    ...(['weak', 'none', 'changing'] as const).map((etag) => ({
      partner: `the same with an ETag that is ${etag === 'none' ? 'missing' : etag}`,
      carryover: 'fetches the file from its start',
      behaviour: { files: { etag, faults: { cut: { afterBytes: 700, times: 1 } } } },
      outcome: 'same' as const,
    })),
    {
      partner: 'no ranges',
      carryover: 'the same',
      behaviour: { files: { range: false, faults: { cut: { afterBytes: 700, times: 1 } } } },
      outcome: 'same',
    },
    {
      partner: 'a gzip that ends too early',
      carryover: 'fetches the file again',
      behaviour: { files: { gzip: true, faults: { truncatedGzip: { times: 1 } } } },
      outcome: 'same',
    },
    {
      partner: 'a file that ends inside a line, with the length of what came',
      carryover: 'fetches it again',
      behaviour: { files: { faults: { shortBody: { missingBytes: 5, times: 1, honestLength: true } } } },
      outcome: 'same',
    },
    {
      partner: 'a file that stays damaged',
      carryover: 'ends the exchange with nothing kept',
      behaviour: { files: { gzip: true, faults: { truncatedGzip: { times: 99 } } } },
      outcome: { at: 'download', reason: 'file-damaged' },
    },
    {
      partner: 'absolute references',
      carryover: 'stores the same as for relative ones',
      behaviour: { files: { absoluteReferences: true } },
      outcome: 'same',
    },
    {
      partner: 'byte order mark, CRLF, no last newline',
      carryover: 'stores the same as without',
      behaviour: { files: { bom: true, crlf: true, finalNewline: false } },
      outcome: 'same',
    },
  ],
};
