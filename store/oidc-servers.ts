import type { OidcServer as Row, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { normalIssuer, oidcServerInput } from '../fhir/oidc-definitions.ts';
import type { OidcServer, OidcServerInput } from '../fhir/oidc-definitions.ts';
import type { Seal } from '../seal.ts';
import type { OidcServers } from './partners.ts';
import { openDefinition, sealDefinition, unlessFaster, written } from './sealed-definition.ts';

export const SERVER_SECRETS = ['clientSecret', 'privateJwk', 'introspectionClientSecret'] as const;

export function createOidcServers(prisma: PrismaClient, seal: Seal): OidcServers {
  const open = (row: Row): OidcServer => ({ ...oidcServerInput.parse(openDefinition(row, seal)), pid: row.pid });
  const columns = (input: OidcServerInput) => ({
    issuerKey: normalIssuer(input.issuer),
    ...sealDefinition(input, SERVER_SECRETS, seal),
  });

  const create = async (input: OidcServerInput): Promise<OidcServer> =>
    open(await written(prisma.oidcServer.create({ data: columns(input) }), 'issuer'));

  const update = async (pid: number, input: OidcServerInput): Promise<OidcServer> => {
    const data = { ...columns(input), updatedAt: new Date() };
    return open(await written(prisma.oidcServer.update({ where: { pid }, data }), 'issuer'));
  };

  // Looked for first: an upsert would use up a pid at every start.
  const apply = async (input: OidcServerInput): Promise<void> => {
    const row = await prisma.oidcServer.findUnique({ where: { issuerKey: normalIssuer(input.issuer) } });
    if (row === null) {
      await create(input);
      return;
    }
    const { pid, ...known } = open(row);
    await update(pid, {
      ...input,
      clientSecret: input.clientSecret ?? known.clientSecret,
      privateJwk: input.privateJwk ?? known.privateJwk,
      introspectionClientSecret: input.introspectionClientSecret ?? known.introspectionClientSecret,
    });
  };

  return {
    ...{ create, update },
    list: async () => (await prisma.oidcServer.findMany({ orderBy: { pid: 'asc' } })).map(open),
    read: async (pid) => {
      const row = await prisma.oidcServer.findUnique({ where: { pid } });
      if (row === null) throw new ExchangeError('not-found');
      return open(row);
    },
    remove: async (pid) => {
      const running = await prisma.exchange.count({ where: { payerPid: pid, active: true } });
      if (running > 0) throw new ExchangeError('conflict', { diagnostics: 'An exchange with this payer runs.' });
      await written(prisma.oidcServer.delete({ where: { pid } }), 'issuer');
    },
    apply: async (inputs) => {
      for (const input of inputs) await unlessFaster(() => apply(input));
    },
  };
}
