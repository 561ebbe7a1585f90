import { exportJWK, generateKeyPair } from 'jose';
import { reserveAddress, startTestPayer } from '../support/payer.ts';
import type { TestPayer } from '../support/payer.ts';
import { ASSERTION_ALGORITHM, createAuthorizationServer } from './authorization-server.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';
import { startHapiServer } from './hapi-server.ts';
import { IDENTIFIER_SYSTEM } from './imported-record.ts';

const CLIENT = 'new-plan';
const ORGANIZATION = 'old-plan';

/** HAPI FHIR as a partner of ours: reached through the gateway alone. */
export interface ProtectedHapi {
  readonly issuer: string;
  /** For a partner. */
  readonly fhirUrl: string;
  /** For whoever runs it: behind the gateway, open. */
  readonly ownUrl: string;
  readonly gateway: Gateway;
  /** A requesting payer that has it registered, with `definition` beside what it must know. */
  requestingPayer(definition?: object): Promise<TestPayer>;
  stop(): Promise<void>;
}

export async function startProtectedHapi(): Promise<ProtectedHapi> {
  const server = await startHapiServer();
  const { privateKey, publicKey } = await generateKeyPair(ASSERTION_ALGORITHM, { extractable: true });
  const header = { kid: 'k1', alg: ASSERTION_ALGORITHM, use: 'sig' };
  const publicJwk = { ...(await exportJWK(publicKey)), ...header };
  const address = await reserveAddress();
  const issuer = address.publicUrl;
  const authorization = await createAuthorizationServer(issuer, CLIENT, publicJwk);
  const gateway = await startGateway({ ...address, fhirServer: server.url, authorization });
  const registered = {
    ...{ name: 'Old Health Plan', issuer, fhirEndpoint: `${issuer}/fhir`, organizationId: ORGANIZATION },
    ...{ clientId: CLIENT, privateJwk: { ...(await exportJWK(privateKey)), ...header } },
    responderIdentifierSystem: IDENTIFIER_SYSTEM,
  };
  return {
    ...{ issuer, fhirUrl: registered.fhirEndpoint, ownUrl: server.url, gateway },
    requestingPayer: async (definition = {}) =>
      startTestPayer(await reserveAddress(), {
        organizations: [{ resourceType: 'Organization', id: ORGANIZATION, name: 'Old Health Plan' }],
        oidcServers: [{ ...registered, ...definition }],
      }),
    async stop() {
      await gateway.stop();
      await server.stop();
    },
  };
}
