import type { OperationOutcome } from 'fhir/r4.js';
import type { Manifest } from './bulk-client.ts';
import { answerOf } from './payer.ts';
import type { Answer, TestPayer } from './payer.ts';

type RequestHeaders = Readonly<Record<string, string>>;

export interface FinishedExport {
  readonly manifest: Manifest;
  /** Its status URL. */
  readonly status: string;
}

/** A requesting payer written from the specifications: plain HTTP, and nothing of the program behind it. */
export interface PlainPartner {
  readonly authorization: string;
  ask(method: string, at: string, body?: unknown, headers?: RequestHeaders): Promise<Answer>;
  match(parameters: unknown): Promise<Answer>;
  /** `Patient/$export` of one member; `more` are further parameters. */
  kickOff(patientId: string, more?: readonly object[], headers?: RequestHeaders): Promise<Answer>;
  /** Polls to the end what this answer to a kick-off says has begun. */
  exported(kickOff: Answer): Promise<FinishedExport>;
}

export async function plainPartner(payer: TestPayer, clientId: string, clientSecret: string): Promise<PlainPartner> {
  const authorization = `Bearer ${await payer.token(clientId, clientSecret, 'system/*.rs')}`;
  const partner: PlainPartner = {
    authorization,
    async ask(method, at, body, headers = {}) {
      const response = await fetch(at.startsWith('http') ? at : `${payer.fhirUrl}/${at}`, {
        method,
        headers: {
          ...{ authorization, 'accept-encoding': 'identity' },
          ...(body !== undefined && { 'content-type': 'application/fhir+json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return answerOf(response);
    },
    match: (parameters) => partner.ask('POST', 'Patient/$member-match', parameters),
    kickOff(patientId, more = [], headers = {}) {
      const patient = { name: 'patient', valueReference: { reference: `Patient/${patientId}` } };
      const parameters = { resourceType: 'Parameters', parameter: [patient, ...more] };
      return partner.ask('POST', 'Patient/$export', parameters, { prefer: 'respond-async', ...headers });
    },
    async exported(kickOff) {
      const status = kickOff.headers.get('content-location') ?? '';
      for (;;) {
        const answer = await partner.ask('GET', status);
        if (answer.status === 200) return { manifest: answer.json<Manifest>(), status };
        if (answer.status !== 202) throw new Error(`status ${answer.status}: ${answer.text}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
  return partner;
}

/** Code of ours in an OperationOutcome. */
export const codeOf = (answer: Answer): string | undefined =>
  answer.json<OperationOutcome>().issue[0]?.details?.coding?.[0]?.code;
