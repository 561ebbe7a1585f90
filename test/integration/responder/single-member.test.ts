import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationOutcome, Parameters } from 'fhir/r4.js';
import { generateMembers } from '../../../cli/sample-members/generate.ts';
import { sampleMember } from '../../../cli/sample-members/member.ts';
import type { SampleMember } from '../../../cli/sample-members/member.ts';
import { PAYER_SYSTEMS } from '../../../cli/sample-members/payer.ts';
import { loadFiles } from '../../../store/postgres/load.ts';
import { answerOf, reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

/** A requesting payer written from the specifications: plain HTTP, and nothing of the program behind it. */
const SEED = 'responder-test';
const members = [0, 1, 2].map((index) => sampleMember(SEED, index));
const [ann, bob, eve] = members as [SampleMember, SampleMember, SampleMember];

let payer: TestPayer;
const tokens = new Map<string, string>();

beforeAll(async () => {
  payer = await startTestPayer(await reserveAddress(), {
    organizations: [
      {
        resourceType: 'Organization',
        id: 'a',
        identifier: [{ system: 'http://example.org/payers', value: 'requesting' }],
      },
    ],
    oidcClients: ['a', 'b'].map((id) => ({
      ...{ clientId: id, name: id, clientSecret: `secret-of-${id}-0123456789` },
      ...(id === 'a' && { organizationId: 'a' }),
    })),
    matching: { maxFailures: 3 },
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-'));
  const lines = [...generateMembers({ seed: SEED, members: 3, resourcesPerMember: 200, referenceDate: '2026-11-01' })];
  const file = path.join(folder, 'sample.ndjson');
  writeFileSync(file, lines.map(({ text }) => `${text}\n`).join(''));
  await loadFiles(payer.wiring.pool, [file]);
  rmSync(folder, { recursive: true });
  for (const id of ['a', 'b']) tokens.set(id, await payer.token(id, `secret-of-${id}-0123456789`, 'system/*.rs'));
}, 120_000);

afterAll(() => payer.stop());

type Headers = Record<string, string>;

async function ask(who: string, method: string, at: string, body?: unknown, headers: Headers = {}): Promise<Answer> {
  const response = await fetch(at.startsWith('http') ? at : `${payer.fhirUrl}/${at}`, {
    method,
    headers: {
      authorization: `Bearer ${tokens.get(who) ?? ''}`,
      'accept-encoding': 'identity',
      ...(body !== undefined && { 'content-type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return answerOf(response);
}

function request(
  member: SampleMember,
  changed: Record<string, unknown> = {},
  consent: Record<string, unknown> = {},
): Parameters {
  const whole = matchParameters({
    MemberPatient: {
      resourceType: 'Patient',
      id: '1',
      name: [{ family: member.person.family.toUpperCase(), given: member.person.given }],
      gender: member.person.gender,
      birthDate: member.birthDate,
    },
    ...changed,
  }) as { parameter: { name: string; resource: Record<string, unknown> }[] };
  for (const { name, resource } of whole.parameter) {
    if (name === 'CoverageToMatch' && changed['CoverageToMatch'] === undefined) {
      resource['identifier'] = [{ system: PAYER_SYSTEMS.member, value: member.memberNumber }];
    }
    if (name === 'Consent') Object.assign(resource, consent);
  }
  return whole as unknown as Parameters;
}

const match = (who: string, parameters: unknown): Promise<Answer> =>
  ask(who, 'POST', 'Patient/$member-match', parameters);

const codeOf = (answer: Answer): string | undefined =>
  answer.json<OperationOutcome>().issue[0]?.details?.coding?.[0]?.code;

const provision = (changed: Record<string, unknown>): Record<string, unknown> => {
  const { parameter } = matchParameters() as { parameter: { name: string; resource: { provision: object } }[] };
  const usual = parameter.find(({ name }) => name === 'Consent')?.resource.provision ?? {};
  return { provision: { ...usual, ...changed } };
};

interface Manifest {
  readonly transactionTime: string;
  readonly requiresAccessToken: boolean;
  readonly output: readonly { readonly type: string; readonly url: string; readonly count: number }[];
}

async function exported(
  who: string,
  kickOff: Answer,
): Promise<{ readonly manifest: Manifest; readonly status: string }> {
  const status = kickOff.headers.get('content-location') ?? '';
  for (;;) {
    const answer = await ask(who, 'GET', status);
    if (answer.status === 200) return { manifest: answer.json<Manifest>(), status };
    if (answer.status !== 202) throw new Error(`status ${answer.status}: ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const kickOff = (who: string, member: SampleMember, more: object[] = [], headers: Headers = {}): Promise<Answer> =>
  ask(
    who,
    'POST',
    'Patient/$export',
    {
      resourceType: 'Parameters',
      parameter: [{ name: 'patient', valueReference: { reference: `Patient/${member.patientId}` } }, ...more],
    },
    { prefer: 'respond-async', ...headers },
  );

describe('$member-match', () => {
  it('answers one member with the unique identifier and the Patient', async () => {
    const answer = await match('a', request(ann));
    const [identifier, id] = answer.json<Parameters>().parameter ?? [];
    expect(answer.status).toBe(200);
    expect(identifier?.valueIdentifier?.type?.coding?.[0]?.code).toBe('UMB');
    expect(id).toEqual({ name: 'MemberId', valueReference: { reference: `Patient/${ann.patientId}` } });
  });

  it.each<[string, (answer: SampleMember) => unknown, string]>([
    [
      'a wrong birth date',
      (m) =>
        request(m, {
          MemberPatient: {
            resourceType: 'Patient',
            id: '1',
            name: [{ family: m.person.family, given: m.person.given }],
            gender: m.person.gender,
            birthDate: '1901-01-01',
          },
        }),
      'member-not-matched',
    ],
    ['a number of nobody', (m) => request({ ...m, memberNumber: 'nobody' }), 'member-not-matched'],
    ['another member’s number', (m) => request({ ...m, memberNumber: bob.memberNumber }), 'member-not-matched'],
    ['a consent that is not active', (m) => request(m, {}, { status: 'inactive' }), 'consent-refused'],
    [
      'a consent that has ended',
      (m) => request(m, {}, provision({ period: { start: '2020-01-01', end: '2021-01-01' } })),
      'consent-refused',
    ],
    [
      'a consent that begins later',
      (m) => request(m, {}, provision({ period: { start: '2098-01-01' } })),
      'consent-refused',
    ],
    [
      'a consent for another payer',
      (m) =>
        request(
          m,
          {},
          provision({
            actor: [
              {
                role: { coding: [{ code: 'IRCP' }] },
                reference: { identifier: { system: 'http://example.org/payers', value: 'somebody' } },
              },
            ],
          }),
        ),
      'consent-refused',
    ],
    [
      'no CoverageToMatch',
      (m) => ({
        ...request(m),
        parameter: (request(m).parameter ?? []).filter(({ name }) => name !== 'CoverageToMatch'),
      }),
      'parameters-invalid',
    ],
  ])('answers 422 for %s and names nobody', async (_name, body, code) => {
    const answer = await match('a', body(eve));
    expect([answer.status, codeOf(answer)]).toEqual([422, code]);
    for (const secret of [eve.patientId, eve.person.family, eve.memberNumber, bob.memberNumber]) {
      expect(answer.text).not.toContain(secret);
    }
  });

  it.each(['vendor/member-match-request', 'hrex/member-match-in'])('reads the published example %s', async (name) => {
    const answer = await match('b', readFileSync(`test/fixtures/${name}.json`, 'utf8'));
    expect([answer.status, codeOf(answer)]).toEqual([422, 'member-not-matched']);
  });

  it('answers 400 for a body that is no JSON', async () => {
    expect((await match('a', '{')).status).toBe(400);
  });

  it('stops answering who tries number after number', async () => {
    const tries = ['1', '2', '3', '4'].map((memberNumber) => request({ ...bob, memberNumber }));
    const statuses: number[] = [];
    for (const body of tries) statuses.push((await match('b', body)).status);
    const last = await match('b', request(bob));
    expect(statuses).toEqual([422, 422, 422, 429]);
    expect([last.status, Number(last.headers.get('retry-after')) > 0]).toEqual([429, true]);
  });
});

describe('an export', () => {
  it('of a member that the partner has not matched is refused', async () => {
    const answer = await kickOff('a', bob);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'consent-withdrawn']);
  });

  it('delivers every record of the member and of nobody else, one type a file', async () => {
    await match('a', request(ann));
    const { manifest } = await exported('a', await kickOff('a', ann));
    const texts = await Promise.all(
      manifest.output.map(async ({ type, url, count }) => ({ type, count, text: (await ask('a', 'GET', url)).text })),
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
    const { manifest } = await exported('a', await kickOff('a', ann));
    const types = manifest.output.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['Practitioner', 'Organization', 'Location', 'Medication']));
  });

  it('answers 202 with progress and Retry-After until it is done', async () => {
    const answer = await kickOff('a', ann);
    const status = await ask('a', 'GET', answer.headers.get('content-location') ?? '');
    expect(answer.status).toBe(202);
    expect([200, 202]).toContain(status.status);
    if (status.status === 202) expect(Number(status.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is reached at Patient/<id>/$export by GET and POST', async () => {
    for (const method of ['GET', 'POST']) {
      const { manifest } = await exported(
        'a',
        await ask('a', method, `Patient/${ann.patientId}/$export?_type=Patient`),
      );
      expect(manifest.output.length).toBeGreaterThan(0);
    }
  });

  it('is narrowed by _type', async () => {
    const { manifest } = await exported(
      'a',
      await kickOff('a', ann, [{ name: '_type', valueString: 'Patient,Condition' }]),
    );
    expect(manifest.output.map(({ type }) => type).sort()).toEqual(['Condition', 'Patient']);
  });

  it('since its own transactionTime is empty', async () => {
    const first = await exported('a', await kickOff('a', ann, [{ name: '_type', valueString: 'Condition' }]));
    const since = { name: '_since', valueInstant: first.manifest.transactionTime };
    const second = await exported('a', await kickOff('a', ann, [since]));
    expect(second.manifest.output).toEqual([]);
  });

  it('with a parameter that is not honoured is refused by its name, or goes on where the client is lenient', async () => {
    const more = [{ name: 'organizeOutputBy', valueString: 'Patient' }];
    const strict = await kickOff('a', ann, more);
    const lenient = await kickOff('a', ann, more, { prefer: 'respond-async, handling=lenient' });
    expect([strict.status, codeOf(strict), lenient.status]).toEqual([400, 'not-supported', 202]);
    expect(strict.text).toContain('organizeOutputBy');
  });

  it('is hidden from another partner, status and files alike', async () => {
    const { manifest, status } = await exported('a', await kickOff('a', ann));
    expect((await ask('b', 'GET', status)).status).toBe(404);
    expect((await ask('b', 'GET', manifest.output[0]?.url ?? '')).status).toBe(404);
    expect((await ask('b', 'DELETE', status)).status).toBe(404);
  });

  it('is gone after DELETE, files and all', async () => {
    const { manifest, status } = await exported('a', await kickOff('a', ann));
    expect((await ask('a', 'DELETE', status)).status).toBe(202);
    expect((await ask('a', 'GET', status)).status).toBe(404);
    expect((await ask('a', 'GET', manifest.output[0]?.url ?? '')).status).toBe(404);
  });
});

describe('a file', () => {
  let url: string;
  beforeAll(async () => {
    await match('a', request(ann));
    const { manifest } = await exported('a', await kickOff('a', ann, [{ name: '_type', valueString: 'Observation' }]));
    url = manifest.output[0]?.url ?? '';
  });

  it('comes in a range where its ETag still holds', async () => {
    const whole = await ask('a', 'GET', url);
    const etag = whole.headers.get('etag') ?? '';
    const part = await ask('a', 'GET', url, undefined, { range: 'bytes=100-', 'if-range': etag });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toMatch(/^bytes 100-\d+\/\d+$/);
    expect(Buffer.from(whole.text).subarray(100).equals(Buffer.from(part.text))).toBe(true);
  });

  it('comes whole where If-Range names another version', async () => {
    const answer = await ask('a', 'GET', url, undefined, { range: 'bytes=100-', 'if-range': '"other"' });
    expect(answer.status).toBe(200);
  });

  it('comes gzipped to who accepts it', async () => {
    const plain = await ask('a', 'GET', url);
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${tokens.get('a') ?? ''}`, 'accept-encoding': 'gzip' },
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
    const answer = await ask('a', 'GET', url);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'consent-withdrawn']);
    await match('a', request(ann));
  });
});

describe('a partner', () => {
  it('reads the member it has matched, and nobody else', async () => {
    await match('a', request(ann));
    expect((await ask('a', 'GET', `Patient/${ann.patientId}`)).status).toBe(200);
    expect((await ask('a', 'GET', `Patient/${bob.patientId}`)).status).toBe(404);
    expect((await ask('b', 'GET', `Patient/${ann.patientId}`)).status).toBe(404);
  });

  it('learns from no search, and from no link of one, whether somebody else is a member', async () => {
    await match('a', request(ann));
    const numbers = `${PAYER_SYSTEMS.member}|${ann.memberNumber},${PAYER_SYSTEMS.member}|${bob.memberNumber}`;
    const searches = [
      `Patient?identifier=${encodeURIComponent(numbers)}&_count=1`,
      `Patient?name=${encodeURIComponent(bob.person.family)}&_count=1`,
      `Condition?patient=${bob.patientId}&_count=1`,
    ];
    for (const search of searches) {
      const bundle = (await ask('a', 'GET', search)).json<{ link: { relation: string }[] }>();
      expect(bundle.link.map(({ relation }) => relation)).toEqual(['self']);
    }
  });

  it('sees no former version of what it may no longer see', async () => {
    const text = (subject: SampleMember): string =>
      JSON.stringify({
        resourceType: 'Observation',
        id: 'misfiled',
        subject: { reference: `Patient/${subject.patientId}` },
      });
    await payer.ask('PUT', 'Observation/misfiled', text(ann));
    await match('a', request(ann));
    expect((await ask('a', 'GET', 'Observation/misfiled/_history')).status).toBe(200);
    await payer.ask('PUT', 'Observation/misfiled', text(eve));
    expect((await ask('a', 'GET', 'Observation/misfiled/_history')).status).toBe(404);
  });

  it('writes nothing', async () => {
    const answer = await ask('a', 'PUT', 'Patient/x', { resourceType: 'Patient', id: 'x' });
    expect(answer.status).toBe(403);
  });

  it('that was disabled is out at once, whatever its token says', async () => {
    const { wiring } = payer;
    const client = await wiring.clients.find('b');
    if (client === undefined) throw new Error('no client');
    const { pid, ...input } = client;
    await wiring.clients.update(pid, { ...input, enabled: false });
    expect((await ask('b', 'GET', `Patient/${ann.patientId}`)).status).toBe(401);
    await wiring.clients.update(pid, input);
  });
});

describe('a partner that was removed', () => {
  it('leaves no match to whoever is registered under its client id next', async () => {
    const { clients } = payer.wiring;
    await clients.create({
      clientId: 'c',
      name: 'c',
      clientSecret: 'secret-of-c-0123456789',
      scopes: 'system/*.rs',
      enabled: true,
    });
    const token = async (): Promise<void> =>
      void tokens.set('c', await payer.token('c', 'secret-of-c-0123456789', 'system/*.rs'));
    await token();
    await match('c', request(ann));
    expect((await ask('c', 'GET', `Patient/${ann.patientId}`)).status).toBe(200);
    const former = await clients.find('c');
    await clients.remove(former?.pid ?? 0);
    await clients.create({
      clientId: 'c',
      name: 'c',
      clientSecret: 'secret-of-c-0123456789',
      scopes: 'system/*.rs',
      enabled: true,
    });
    await token();
    expect((await ask('c', 'GET', `Patient/${ann.patientId}`)).status).toBe(404);
  });
});

describe('a consent for regular data', () => {
  it('leaves out what is labelled as sensitive', async () => {
    const policy = [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular' }];
    await match('a', request(bob, {}, { policy }));
    const regular = await exported('a', await kickOff('a', bob));
    const sensitive = [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#sensitive' }];
    await match('a', request(bob, {}, { policy: sensitive }));
    const whole = await exported('a', await kickOff('a', bob));
    const count = ({ manifest }: { manifest: Manifest }): number =>
      manifest.output.reduce((sum, file) => sum + file.count, 0);
    expect(count(regular)).toBeLessThan(count(whole));
  });
});
