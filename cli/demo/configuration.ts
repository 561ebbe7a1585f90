import { exportJWK, generateKeyPair } from 'jose';
import type { PayerName } from '../sample-members/payer.ts';
import { SAMPLE_PAYER } from '../sample-members/payer.ts';
import type { DemoPayer } from './demo-payer.ts';

export const REQUESTING_PAYER: PayerName = { system: SAMPLE_PAYER.system, value: '95888', display: 'New Health Plan' };
/** `referenceSystem` of the new payer. */
export const MEMBER_SYSTEM = 'urn:example:new-payer:member';
const NEW_PAYER = 'new-health-plan';

const organization = (id: string, { system, value, display }: PayerName): object => ({
  ...{ resourceType: 'Organization', id, active: true, name: display },
  identifier: [{ system, value }],
});

/** The two configuration files: each payer knows the other one's Organization and how to reach, or to admit, it. */
export async function configurations(
  responding: DemoPayer,
): Promise<{ readonly responding: object; readonly requesting: object }> {
  const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
  const header = { kid: 'new-payer-1', alg: 'ES384', use: 'sig' };
  const organizations = [organization(SAMPLE_PAYER.id, SAMPLE_PAYER), organization(NEW_PAYER, REQUESTING_PAYER)];
  return {
    responding: {
      ...{ organizations, ownOrganization: SAMPLE_PAYER.id },
      // The sample members' records reach back further than the five years that are usual.
      export: { lookBackYears: 150 },
      oidcClients: [
        {
          ...{
            clientId: 'new-payer',
            name: REQUESTING_PAYER.display,
            scopes: 'system/*.rs',
            organizationId: NEW_PAYER,
          },
          jwks: { keys: [{ ...(await exportJWK(publicKey)), ...header }] },
        },
      ],
    },
    requesting: {
      ...{ organizations, ownOrganization: NEW_PAYER, referenceSystem: MEMBER_SYSTEM },
      oidcServers: [
        {
          ...{ name: SAMPLE_PAYER.display, issuer: responding.publicUrl, fhirEndpoint: responding.fhirUrl },
          ...{ clientId: 'new-payer', scopes: 'system/*.rs', organizationId: SAMPLE_PAYER.id },
          privateJwk: { ...(await exportJWK(privateKey)), ...header },
          responderIdentifierSystem: 'urn:example:old-payer:resource-id',
        },
      ],
    },
  };
}
