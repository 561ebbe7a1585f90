import { exportJWK, generateKeyPair } from 'jose';
import type { EncryptionKey } from '../../seal.ts';
import { reserveAddress, startTestPayer } from './payer.ts';
import type { TestPayer } from './payer.ts';

export const OLD_ORGANIZATION = 'old-plan';
export const NEW_ORGANIZATION = 'new-plan';

const organizations = [
  { id: OLD_ORGANIZATION, name: 'Old Health Plan', value: 'responding' },
  { id: NEW_ORGANIZATION, name: 'New Health Plan', value: 'requesting' },
].map(({ id, name, value }) => ({
  ...{ resourceType: 'Organization', id, name },
  identifier: [{ system: 'http://example.org/payers', value }],
}));

export interface TwoPayers {
  readonly responding: TestPayer;
  readonly requesting: TestPayer;
  stop(): Promise<void>;
}

/** A responding and a requesting Carryover that know each other. */
export async function startTwoPayers(keys?: readonly EncryptionKey[]): Promise<TwoPayers> {
  const { privateKey, publicKey } = await generateKeyPair('RS384', { extractable: true });
  const header = { kid: 'k1', alg: 'RS384', use: 'sig' };
  const [oldAddress, newAddress] = [await reserveAddress(), await reserveAddress()];
  const responding = await startTestPayer(
    oldAddress,
    {
      ...{ organizations, ownOrganization: OLD_ORGANIZATION },
      // Its records are compared with those that arrive: what is withheld from partners has tests of its own.
      export: { lookBackYears: 150, withholdFinancials: false, withholdDrugAuthorizations: false },
      oidcClients: [
        {
          ...{ clientId: 'new-plan', name: 'New Health Plan', scopes: 'system/*.rs', organizationId: NEW_ORGANIZATION },
          jwks: { keys: [{ ...(await exportJWK(publicKey)), ...header }] },
        },
      ],
    },
    keys,
  );
  const requesting = await startTestPayer(
    newAddress,
    {
      ...{ organizations, ownOrganization: NEW_ORGANIZATION },
      oidcServers: [
        {
          ...{ name: 'Old Health Plan', issuer: oldAddress.publicUrl, fhirEndpoint: responding.fhirUrl },
          ...{ clientId: 'new-plan', scopes: 'system/*.read', organizationId: OLD_ORGANIZATION },
          privateJwk: { ...(await exportJWK(privateKey)), ...header },
          responderIdentifierSystem: 'urn:example:old-plan:id',
        },
      ],
    },
    keys,
  );
  return {
    ...{ responding, requesting },
    async stop() {
      await requesting.stop();
      await responding.stop();
    },
  };
}
