import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationOutcome, Task } from 'fhir/r4.js';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

const OPERATION = 'Patient/$sdh.s2s.invoke-export';
const example = (name: string): string => readFileSync(`test/fixtures/vendor/${name}.json`, 'utf8');

let payer: TestPayer;

const server = (issuer: string, organizationId?: string): object => ({
  ...{
    name: issuer,
    issuer,
    clientId: 'us',
    clientSecret: 'secret',
    fhirEndpoint: `http://127.0.0.1:9/${issuer.length}`,
  },
  ...(organizationId !== undefined && { organizationId }),
});

beforeAll(async () => {
  payer = await startTestPayer(await reserveAddress(), {
    organizations: [
      { resourceType: 'Organization', id: '1234', identifier: [{ system: 'urn:naic', value: '99999' }] },
      { resourceType: 'Organization', id: 'other' },
    ],
    oidcServers: [
      server('https://source-payer.example.com', 'other'),
      server('https://by-organization.example.com', '99999'),
      server('https://no-organization.example.com'),
    ],
    referenceSystem: 'urn:example:own',
  });
  for (const id of ['local-123', '1234', 'two-identifiers', 'no-identifier']) {
    const values = { 'two-identifiers': ['1', '2'], 'no-identifier': [] }[id] ?? [id];
    const identifier = values.map((value) => ({ system: 'urn:example:own', value }));
    await payer.ask('PUT', `Patient/${id}`, JSON.stringify({ resourceType: 'Patient', id, identifier }));
  }
});

afterAll(() => payer.stop());

const post = (body: unknown, path = OPERATION): Promise<Answer> =>
  payer.ask('POST', path, typeof body === 'string' ? body : JSON.stringify(body));

interface Parts {
  [name: string]: unknown;
}

function body(changed: Parts = {}): object {
  const parts: Parts = {
    localPatient: { valueReference: { reference: 'Patient/local-123' } },
    sourceIssuerUrl: { valueString: 'https://source-payer.example.com/' },
    memberMatch: { part: (matchParameters() as { parameter: unknown }).parameter },
    ...changed,
  };
  const parameter = Object.entries(parts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, ...(value as object) }));
  return { resourceType: 'Parameters', parameter };
}

async function tasks(): Promise<number> {
  return (await payer.ask('GET', 'Task?_count=1')).json<{ total: number }>().total;
}

const issueOf = (answer: Answer): { code: string | undefined; expression: string | undefined } => {
  const [issue] = answer.json<OperationOutcome>().issue;
  return { code: issue?.details?.coding?.[0]?.code, expression: issue?.expression?.[0] };
};

const warningsOf = (task: Task): (string | undefined)[] => {
  const outcome = (task.contained ?? []).find((each) => each.id === 'warnings');
  return (outcome as OperationOutcome | undefined)?.issue.map((issue) => issue.expression?.[0]) ?? [];
};

describe('the published examples', () => {
  it('in the form of parts are accepted as they are and answered with a Task', async () => {
    const answer = await post(example('invoke-export-parts'));
    const task = answer.json<Task>();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-location')).toBe(`Task/${task.id ?? ''}`);
    const published = JSON.parse(example('invoke-export-task')) as Task;
    expect(task).toMatchObject({ resourceType: 'Task', code: published.code, for: published.for });
    expect(task.id).toMatch(/^p2p-task-/);
  });

  it('in the form of a Parameters resource find their payer by organization', async () => {
    const answer = await post(example('invoke-export-parameters'));
    expect([answer.status, answer.json<Task>().for?.reference, answer.json<Task>().owner?.reference]).toEqual([
      ...[200, 'Patient/1234', 'Organization/1234'],
    ]);
  });

  it('are accepted at the alias', async () => {
    expect((await post(example('invoke-export-parts'), 'Patient/$invoke-export')).status).toBe(200);
  });
});

describe('the same request again', () => {
  it('answers the Task that runs, whatever the order of its keys', async () => {
    const first = (await post(body())).json<Task>();
    const parameter = (body() as { parameter: unknown[] }).parameter.reverse();
    const second = (await post({ parameter, resourceType: 'Parameters' })).json<Task>();
    expect(second.id).toBe(first.id);
  });

  it('posted many times at once makes one Task', async () => {
    const reference = { valueReference: { reference: 'Patient/1234' } };
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(body({ localPatient: reference }))));
    expect(new Set(answers.map((answer) => answer.json<Task>().id)).size).toBe(1);
  });

  it('makes a new Task as soon as the first one says its end, though its run has not closed it yet', async () => {
    const { exchanges, tasks } = payer.wiring.requester;
    const exchange = {
      ...{ payerPid: 1, organizationId: 'old-payer', localPatientId: 'ended', warnings: [] },
      request: { exportEntries: [], member: { id: 'm-ended' } },
    };
    const first = await exchanges.open(exchange);
    expect(await exchanges.open(exchange)).toEqual({ taskId: first.taskId, existing: true });
    const end = { status: 'failed', businessStatus: 'queued', reason: 'internal' } as const;
    await tasks.record(first.taskId, { ...end, orderedAt: new Date() });
    expect(await exchanges.open(exchange)).toMatchObject({ existing: false });
  });

  it("keeps no tokens of an ended exchange's portal when the same request makes a new Task", async () => {
    const { exchanges, tasks } = payer.wiring.requester;
    const exchange = {
      ...{ payerPid: 1, organizationId: 'old-payer', localPatientId: 'portal', warnings: [] },
      request: { exportEntries: [], member: { id: 'm-portal' }, access: 'portal' as const },
    };
    const first = await exchanges.open({ ...exchange, portalTokens: { accessToken: 'first' } });
    const end = { status: 'failed', businessStatus: 'queued', reason: 'internal' } as const;
    await tasks.record(first.taskId, { ...end, orderedAt: new Date() });
    const second = await exchanges.open({ ...exchange, portalTokens: { accessToken: 'second' } });
    const kept = await payer.wiring.prisma.portalToken.findMany({ select: { exchangeId: true } });
    expect(kept).toEqual([{ exchangeId: second.taskId }]);
  });
});

describe('what is wrong', () => {
  const match = (changed: Parts): Parts => ({
    memberMatch: { part: (matchParameters(changed) as { parameter: unknown }).parameter },
  });

  it.each<[string, object | string, number, string, string]>([
    ['no JSON', '{', 400, 'request-invalid', 'Parameters'],
    ['another resource', { resourceType: 'Patient' }, 400, 'request-invalid', 'Parameters'],
    ['no localPatient', body({ localPatient: undefined }), 400, 'request-invalid', 'Parameters.parameter'],
    [
      'neither match nor sourcePatientId',
      body({ memberMatch: undefined }),
      400,
      'request-invalid',
      'Parameters.parameter',
    ],
    ['an unknown name', body({ localpatient: {} }), 400, 'request-invalid', 'Parameters.parameter[3].name'],
    [
      'an issuer that is no URL',
      body({ sourceIssuerUrl: { valueString: 'x' } }),
      400,
      'request-invalid',
      'Parameters.parameter[1].value',
    ],
    [
      'a resource of the wrong type',
      body(match({ MemberPatient: { resourceType: 'Person' } })),
      400,
      'request-invalid',
      'Parameters.parameter[2].part[0].resource',
    ],
    ['no Consent', body(match({ Consent: undefined })), 400, 'request-invalid', 'Parameters.parameter[2]'],
    [
      'an unknown payer',
      body({ sourceIssuerUrl: { valueString: 'https://nobody.example.com' } }),
      422,
      'payer-unknown',
      "Parameters.parameter.where(name = 'sourceIssuerUrl').value",
    ],
    [
      'a payer without an Organization',
      body({ sourceIssuerUrl: { valueString: 'https://no-organization.example.com' } }),
      422,
      'payer-unknown',
      'Parameters.parameter',
    ],
    [
      'an unknown patient',
      body({ localPatient: { valueReference: { reference: 'Patient/nobody' } } }),
      422,
      'patient-unknown',
      'Parameters.parameter[0].value',
    ],
    [
      'a patient with two reference identifiers',
      body({ localPatient: { valueReference: { reference: 'Patient/two-identifiers' } } }),
      422,
      'patient-identifier',
      'Parameters.parameter[0].value',
    ],
    [
      'a patient without a reference identifier',
      body({ localPatient: { valueId: 'no-identifier' } }),
      422,
      'patient-identifier',
      'Parameters.parameter[0].value',
    ],
  ])('(%s) is named with its element, and nothing is started', async (_name, posted, status, code, expression) => {
    const before = await tasks();
    const answer = await post(posted);
    expect({ status: answer.status, ...issueOf(answer) }).toEqual({ status, code, expression });
    expect(await tasks()).toBe(before);
  });

  it('(a profile of HRex that is not met) is a warning on the Task', async () => {
    const answer = await post(example('invoke-export-parts'));
    const { id } = answer.json<Task>();
    await payer.ask('POST', `Task/${id ?? ''}/$cancel`);
    const ended = await ending(id ?? '');
    expect(warningsOf(ended)).toEqual(
      expect.arrayContaining(['Consent.status', 'Consent.policy.uri', 'MemberPatient.gender']),
    );
  });
});

describe('a token', () => {
  it('that is missing is asked for', async () => {
    const response = await fetch(`${payer.fhirUrl}/${OPERATION}`, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });
});

describe('Tasks', () => {
  it('are found by status, patient and code', async () => {
    const { id } = (
      await post(body({ sourceIssuerUrl: { valueString: 'https://by-organization.example.com' } }))
    ).json<Task>();
    const found = await payer.ask('GET', 'Task?patient=Patient/local-123&code=data-request&_count=100');
    const ids = found.json<{ entry: { resource: Task }[] }>().entry.map(({ resource }) => resource.id);
    expect(ids).toContain(id);
  });

  it('are paged by links that lead on', async () => {
    const first = (await payer.ask('GET', 'Task?_count=1')).json<{
      link: { relation: string; url: string }[];
      entry: { resource: Task }[];
    }>();
    const next = first.link.find(({ relation }) => relation === 'next')?.url ?? '';
    const second = (await payer.ask('GET', next)).json<{ entry: { resource: Task }[] }>();
    expect(second.entry[0]?.resource.id).not.toBe(first.entry[0]?.resource.id);
  });

  it('of an ended exchange cannot be cancelled', async () => {
    const { id = '' } = (await post(body())).json<Task>();
    await payer.ask('POST', `Task/${id}/$cancel`);
    await ending(id);
    const again = await payer.ask('POST', `Task/${id}/$cancel`);
    expect([again.status, issueOf(again).code]).toEqual([409, 'conflict']);
  });

  it('that are unknown are not found', async () => {
    expect((await payer.ask('GET', 'Task/nobody')).status).toBe(404);
  });
});

async function ending(id: string): Promise<Task> {
  for (;;) {
    const task = (await payer.ask('GET', `Task/${id}`)).json<Task>();
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return task;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
