import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import type { Task } from 'fhir/r4.js';
import { SAMPLE_DATA } from '../../cli/test-requirements.ts';
import { loadFiles } from '../../store/postgres/load.ts';
import { reserveAddress, startTestPayer, taskOf } from '../support/payer.ts';
import type { Answer, TestPayer } from '../support/payer.ts';
import { startResponder } from '../support/responder/responder.ts';
import type { Responder } from '../support/responder/responder.ts';
import type { MemberInput } from '../support/responder/state.ts';
import { matchParameters } from '../unit/support/payer-session.ts';

/** A small record of nineteen types. */
const MEMBER = { patientId: 'fc168a76-6111-4aa3-510a-725fd7472fb4', memberId: 'M642272748' };
/** What no member is named in. */
const SHARED = new Set(['Location', 'Medication', 'Organization', 'Practitioner', 'PractitionerRole']);
const RESPONDING_ORGANIZATION = 'old-plan';
/** Under it the ids of the responding payer stand in imported records. */
export const RESPONDER_SYSTEM = 'urn:example:old-plan:id';
const OWN_ORGANIZATION = 'new-plan';
export const PARTNER = { id: 'another-plan', secret: 'secret-of-another-plan-0123' };

export interface Person {
  readonly id: string;
  readonly name: unknown;
  readonly birthDate: string;
  readonly gender: string;
}

/** A payer that holds a member's record, and a payer that is none of ours, which holds it too. */
export interface Payers {
  readonly payer: TestPayer;
  readonly responder: Responder;
  readonly member: MemberInput;
  readonly person: Person;
  /** Parameters of `$member-match` that name the member. */
  readonly match: { readonly parameter: readonly unknown[] };
  /** Begins an exchange, and answers what the POST answered. */
  begin(changed?: Readonly<Record<string, unknown>>): Promise<Answer>;
  end(answer: Answer): Promise<Task>;
  stop(): Promise<void>;
}

export async function startPayers(provenanceProfile: 'vendor' | 'pdex'): Promise<Payers> {
  const responder = await startResponder();
  const member = withFaults(await responder.loadMember({ directory: SAMPLE_DATA, ...MEMBER }));
  responder.setMember(member);
  const payer = await startRequestingPayer(responder, provenanceProfile);
  await loadOwnRecords(payer);
  await writeClaims(payer);
  const person = JSON.parse(member.lines['Patient']?.[0] ?? '') as Person;
  const match = matchOf(person);
  return {
    ...{ payer, responder, member, person, match },
    begin: (changed = { memberMatch: { part: match.parameter } }) =>
      payer.ask(
        'POST',
        'Patient/$sdh.s2s.invoke-export',
        JSON.stringify({
          resourceType: 'Parameters',
          parameter: Object.entries({
            localPatient: { valueReference: { reference: `Patient/${person.id}` } },
            sourceIssuerUrl: { valueString: responder.baseUrl },
            ...changed,
          }).map(([name, value]) => ({ name, ...(value as object) })),
        }),
      ),
    end: (answer) => taskOf(payer, answer.headers.get('content-location') ?? ''),
    async stop() {
      await payer.stop();
      await responder.close();
    },
  };
}

async function startRequestingPayer(responder: Responder, provenanceProfile: string): Promise<TestPayer> {
  const { privateKey, publicKey } = await generateKeyPair('RS384', { extractable: true });
  const header = { kid: 'k1', alg: 'RS384', use: 'sig' };
  responder.registerClient({
    clientId: OWN_ORGANIZATION,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), ...header }] },
  });
  return startTestPayer(await reserveAddress(), {
    organizations: [
      organization(RESPONDING_ORGANIZATION, 'Old Health Plan', '1234567893', 'responding'),
      organization(OWN_ORGANIZATION, 'New Health Plan', '1245319599', 'requesting'),
      organization(PARTNER.id, 'Another Health Plan', '1003000126', 'partner'),
    ],
    ...{ ownOrganization: OWN_ORGANIZATION, provenanceProfile },
    oidcServers: [
      {
        ...{ name: 'Old Health Plan', issuer: responder.baseUrl, fhirEndpoint: responder.baseUrl },
        ...{ clientId: OWN_ORGANIZATION, organizationId: RESPONDING_ORGANIZATION },
        privateJwk: { ...(await exportJWK(privateKey)), ...header },
        responderIdentifierSystem: RESPONDER_SYSTEM,
      },
    ],
    oidcClients: [
      {
        ...{ clientId: PARTNER.id, clientSecret: PARTNER.secret },
        ...{ name: 'Another Health Plan', organizationId: PARTNER.id },
      },
    ],
  });
}

/** Fewer of what other members' records refer to, so that some references lead nowhere; and two lines that are refused. */
function withFaults(member: MemberInput): MemberInput {
  const lines = Object.entries(member.lines).map(([type, all]): [string, string[]] => [
    type,
    SHARED.has(type) ? all.slice(0, 15) : all,
  ]);
  const of = Object.fromEntries(lines);
  const ofAnother = of['Condition']?.[0]?.replaceAll(MEMBER.patientId, 'somebody-else') ?? '';
  return { ...member, lines: { ...of, Condition: [...(of['Condition'] ?? []), 'no json', ofAnother] } };
}

const organization = (id: string, name: string, npi: string, payer: string): object => ({
  ...{ resourceType: 'Organization', id, active: true, name },
  identifier: [
    { system: 'http://hl7.org/fhir/sid/us-npi', value: npi },
    { system: 'http://example.org/payers', value: payer },
  ],
});

/** The member's record as it stands before anything arrives, and the practitioners and organizations that it names. */
async function loadOwnRecords(payer: TestPayer): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-validator-'));
  const files = readdirSync(SAMPLE_DATA).map((name) => {
    const lines = readFileSync(path.join(SAMPLE_DATA, name), 'utf8').split('\n');
    const own = SHARED.has(path.basename(name, '.ndjson'))
      ? lines.slice(0, 15)
      : lines.filter((line) => line.includes(MEMBER.patientId));
    const file = path.join(folder, name);
    writeFileSync(file, own.join('\n'));
    return file;
  });
  await loadFiles(payer.wiring.pool, files);
  rmSync(folder, { recursive: true });
}

/** Official examples, as claims of the member of last year: what they cost is withheld from partners. */
async function writeClaims(payer: TestPayer): Promise<void> {
  for (const name of ['carin/eob-inpatient', 'pdex/prior-authorization']) {
    const text = readFileSync(path.resolve('test/fixtures', `${name}.json`), 'utf8')
      .replace(/\b20[12]\d-(?=\d\d-\d\d)/g, `${new Date().getUTCFullYear() - 1}-`)
      .replace(/("patient"\s*:\s*\{[^}]*"reference"\s*:\s*)"[^"]*"/, `$1"Patient/${MEMBER.patientId}"`);
    const { id } = JSON.parse(text) as { id: string };
    await payer.ask('PUT', `ExplanationOfBenefit/${id}`, text);
  }
}

function matchOf({ name, birthDate, gender }: Person): { readonly parameter: readonly unknown[] } {
  const parameters = matchParameters({
    MemberPatient: { resourceType: 'Patient', id: '1', name, birthDate, gender },
  });
  const text = JSON.stringify(parameters).replace('"value":"M-1"', `"value":"${MEMBER.memberId}"`);
  return JSON.parse(text) as { readonly parameter: readonly unknown[] };
}
