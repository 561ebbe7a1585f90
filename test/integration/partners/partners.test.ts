import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import type { TaskState } from '../../../fhir/task.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { countOf, SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { defaultBehaviour } from '../../support/responder/options.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import type { Variant } from './variant.ts';
import { VARIANTS } from './variants.ts';

let responder: Responder;
let requester: Requester;
let definition: OidcServer;
/** Each variant is a partner of its own, so that nothing is known of it from the one before. */
const servers: OidcServer[] = [];

/** Searches of this payer give the Patient with its unique member identifier; so does its export. */
const UMB = '{"system":"http://responder.example/umb","value":"UMB-M-1"}';
const MEMBER = {
  ...SAMPLE_MEMBER,
  lines: {
    ...SAMPLE_LINES,
    Patient: SAMPLE_LINES['Patient']?.map((line) => line.replace('"identifier":[', `"identifier":[${UMB},`)) ?? [],
  },
};
const OTHER_MEMBER = {
  patientId: 'p2',
  memberId: 'M-2',
  lines: { Patient: ['{"resourceType":"Patient","id":"p2","name":[{"family":"Other"}],"birthDate":"1980-01-01"}'] },
};

beforeAll(async () => {
  responder = await startResponder({ members: [MEMBER, OTHER_MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  definition = server;
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  servers.push(server);
  requester = await startRequester(servers);
  // The plainest export: every other way must leave the store as it is after this one.
  await exchange({ partner: '', carryover: '', behaviour: {}, outcome: 'same' });
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

beforeEach(() => {
  Object.assign(responder.behaviour, defaultBehaviour());
  responder.set({ status: { retryAfter: null } });
  responder.requests.length = 0;
});

async function exchange(variant: Variant): Promise<TaskState> {
  const pid = servers.length + 1;
  servers.push({ ...definition, ...variant.definition, pid });
  responder.set(variant.behaviour);
  const request = { matchParameters: JSON.stringify(matchParameters()), ...variant.request };
  const taskId = await startExchange(requester, request, variant.limits, pid);
  return endOf(requester, taskId);
}

const warningsOf = (task: TaskState): (string | undefined)[] => {
  const output = task.output.find((each) => each.kind === 'warnings');
  const outcome: OperationOutcome | undefined =
    output !== undefined && 'outcome' in output ? output.outcome : undefined;
  return outcome?.issue.map(({ details }) => details?.coding?.[0]?.code) ?? [];
};

/** What the exchange changed, and how many records it found as they were. */
function effectOf(task: TaskState): { readonly changed: string[]; readonly unchanged: number } {
  const counts = task.output.flatMap((each) => (each.kind === 'resource-count' ? [each.count] : []));
  const changed = counts.filter((count) => count.new + count.updated + count.refused > 0);
  return {
    changed: changed.map(({ type }) => type),
    unchanged: counts.reduce((sum, count) => sum + count.unchanged, 0),
  };
}

describe.each(VARIANTS.map(({ title, variants }) => [title, variants] as const))('%s', (_title, variants) => {
  it.each(variants.map((variant) => [variant.partner, variant.carryover, variant] as const))(
    '%s: %s',
    async (_partner, _carryover, variant) => {
      const task = await exchange(variant);
      if (typeof variant.outcome === 'object') {
        const { at, reason } = variant.outcome;
        expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', at, reason]);
      } else {
        expect([task.status, task.reason]).toEqual(['completed', undefined]);
      }
      if (variant.outcome === 'same') {
        expect(effectOf(task)).toEqual({ changed: [], unchanged: countOf(SAMPLE_LINES) + (variant.records ?? 0) });
      }
      if (variant.form !== undefined) {
        expect(task.output).toContainEqual({ kind: 'export-form', form: variant.form });
      }
      expect(warningsOf(task)).toEqual(expect.arrayContaining([...(variant.warnings ?? [])]));
      const made = responder.requests.map(({ method, path }) => `${method} ${path}`);
      for (const wanted of variant.requests ?? []) {
        if (wanted instanceof RegExp) expect(made).toContainEqual(expect.stringMatching(wanted));
        else expect(made).not.toContainEqual(expect.stringMatching(wanted[1]));
      }
    },
  );
});
