import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '../../support/bulk-client.ts';
import type { TestPayer } from '../../support/payer.ts';
import { codeOf } from '../../support/plain-partner.ts';
import type { PlainPartner } from '../../support/plain-partner.ts';
import { sampleMatch } from '../../support/sample-match.ts';
import { ann, bob, eve, startSamplePayer } from '../../support/sample-payer.ts';

let payer: TestPayer;
let a: PlainPartner;
let b: PlainPartner;

beforeAll(async () => {
  ({ payer, a, b } = await startSamplePayer());
}, 120_000);

afterAll(() => payer.stop());

describe('an export', () => {
  it('of a member that the partner has not matched is refused', async () => {
    const answer = await a.kickOff(bob.patientId);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'consent-withdrawn']);
  });

  it('delivers every record of the member and of nobody else, one type a file', async () => {
    await a.match(sampleMatch(ann));
    const { manifest } = await a.exported(await a.kickOff(ann.patientId));
    const texts = await Promise.all(
      manifest.output.map(async ({ type, url, count }) => ({ type, count, text: (await a.ask('GET', url)).text })),
    );
    const all = texts.flatMap(({ text }) => text.trimEnd().split('\n'));
    for (const { type, text, count } of texts) {
      const lines = text.trimEnd().split('\n');
      expect(lines).toHaveLength(count);
      expect(lines.every((line) => line.startsWith(`{"resourceType":"${type}"`))).toBe(true);
    }
    expect(all.filter((line) => line.includes(`Patient/${ann.patientId}"`)).length).toBeGreaterThan(150);
    expect(all.some((line) => line.includes(bob.patientId) || line.includes(eve.patientId))).toBe(false);
    expect(manifest.requiresAccessToken).toBe(true);
  });

  it('brings along what its records refer to', async () => {
    const { manifest } = await a.exported(await a.kickOff(ann.patientId));
    const types = manifest.output.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['Practitioner', 'Organization', 'Location', 'Medication']));
  });

  it('answers 202 with progress and Retry-After until it is done', async () => {
    const answer = await a.kickOff(ann.patientId);
    const status = await a.ask('GET', answer.headers.get('content-location') ?? '');
    expect(answer.status).toBe(202);
    expect([200, 202]).toContain(status.status);
    if (status.status === 202) expect(Number(status.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is reached at Patient/<id>/$export by GET and POST', async () => {
    for (const method of ['GET', 'POST']) {
      const { manifest } = await a.exported(await a.ask(method, `Patient/${ann.patientId}/$export?_type=Patient`));
      expect(manifest.output.length).toBeGreaterThan(0);
    }
  });

  it('is narrowed by _type', async () => {
    const { manifest } = await a.exported(
      await a.kickOff(ann.patientId, [{ name: '_type', valueString: 'Patient,Condition' }]),
    );
    expect(manifest.output.map(({ type }) => type).sort()).toEqual(['Condition', 'Patient']);
  });

  it('since its own transactionTime is empty', async () => {
    const first = await a.exported(await a.kickOff(ann.patientId, [{ name: '_type', valueString: 'Condition' }]));
    const since = { name: '_since', valueInstant: first.manifest.transactionTime };
    const second = await a.exported(await a.kickOff(ann.patientId, [since]));
    expect(second.manifest.output).toEqual([]);
  });

  it('with a parameter that is not honoured is refused by its name, or goes on where the client is lenient', async () => {
    const more = [{ name: 'organizeOutputBy', valueString: 'Patient' }];
    const strict = await a.kickOff(ann.patientId, more);
    const lenient = await a.kickOff(ann.patientId, more, { prefer: 'respond-async, handling=lenient' });
    expect([strict.status, codeOf(strict), lenient.status]).toEqual([400, 'not-supported', 202]);
    expect(strict.text).toContain('organizeOutputBy');
  });

  it('is hidden from another partner, status and files alike', async () => {
    const { manifest, status } = await a.exported(await a.kickOff(ann.patientId));
    expect((await b.ask('GET', status)).status).toBe(404);
    expect((await b.ask('GET', manifest.output[0]?.url ?? '')).status).toBe(404);
    expect((await b.ask('DELETE', status)).status).toBe(404);
  });

  it('is gone after DELETE, files and all', async () => {
    const { manifest, status } = await a.exported(await a.kickOff(ann.patientId));
    expect((await a.ask('DELETE', status)).status).toBe(202);
    expect((await a.ask('GET', status)).status).toBe(404);
    expect((await a.ask('GET', manifest.output[0]?.url ?? '')).status).toBe(404);
  });
});

describe('a file', () => {
  let url: string;
  beforeAll(async () => {
    await a.match(sampleMatch(ann));
    const { manifest } = await a.exported(
      await a.kickOff(ann.patientId, [{ name: '_type', valueString: 'Observation' }]),
    );
    url = manifest.output[0]?.url ?? '';
  });

  it('comes in a range where its ETag still holds', async () => {
    const whole = await a.ask('GET', url);
    const etag = whole.headers.get('etag') ?? '';
    const part = await a.ask('GET', url, undefined, { range: 'bytes=100-', 'if-range': etag });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toMatch(/^bytes 100-\d+\/\d+$/);
    expect(Buffer.from(whole.text).subarray(100).equals(Buffer.from(part.text))).toBe(true);
  });

  it('comes whole where If-Range names another version', async () => {
    const answer = await a.ask('GET', url, undefined, { range: 'bytes=100-', 'if-range': '"other"' });
    expect(answer.status).toBe(200);
  });

  it('comes gzipped to who accepts it', async () => {
    const plain = await a.ask('GET', url);
    const response = await fetch(url, {
      headers: { authorization: a.authorization, 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    const bytes = Buffer.from(await response.arrayBuffer());
    // fetch has taken the encoding off already, where it knows it.
    expect((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8')).toBe(plain.text);
  });

  it('needs a token', async () => {
    expect((await fetch(url)).status).toBe(401);
  });

  it('is closed the moment the consent is withdrawn', async () => {
    await payer.wiring.matches.withdraw(ann.patientId, 'a');
    const answer = await a.ask('GET', url);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'consent-withdrawn']);
    await a.match(sampleMatch(ann));
  });
});

describe('a consent for regular data', () => {
  it('leaves out what is labelled as sensitive', async () => {
    const policy = [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular' }];
    await a.match(sampleMatch(bob, {}, { policy }));
    const regular = await a.exported(await a.kickOff(bob.patientId));
    const sensitive = [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#sensitive' }];
    await a.match(sampleMatch(bob, {}, { policy: sensitive }));
    const whole = await a.exported(await a.kickOff(bob.patientId));
    const count = ({ manifest }: { manifest: Manifest }): number =>
      manifest.output.reduce((sum, file) => sum + file.count, 0);
    expect(count(regular)).toBeLessThan(count(whole));
  });
});
