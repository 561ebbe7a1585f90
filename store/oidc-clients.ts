import type { OidcClient as Row, Prisma, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { oidcClientInput } from '../fhir/oidc-definitions.ts';
import type { OidcClient, OidcClientInput } from '../fhir/oidc-definitions.ts';
import type { Seal } from '../seal.ts';
import type { OidcClients } from './partners.ts';
import { openDefinition, sealDefinition, unlessFaster, written } from './sealed-definition.ts';

export const CLIENT_SECRETS = ['clientSecret'] as const;

export function createOidcClients(prisma: PrismaClient, seal: Seal): OidcClients {
  const open = (row: Row): OidcClient => ({ ...oidcClientInput.parse(openDefinition(row, seal)), pid: row.pid });
  const columns = (input: OidcClientInput) => ({
    clientId: input.clientId,
    ...sealDefinition(input, CLIENT_SECRETS, seal),
  });

  const create = async (input: OidcClientInput): Promise<OidcClient> =>
    open(await written(prisma.oidcClient.create({ data: columns(input) }), 'clientId'));

  const update = async (pid: number, input: OidcClientInput): Promise<OidcClient> => {
    const data = { ...columns(input), updatedAt: new Date() };
    const row = await written(
      prisma.$transaction(async (transaction) => {
        const former = await transaction.oidcClient.findUnique({ where: { pid }, select: { clientId: true } });
        if (former !== null && former.clientId !== input.clientId) await withdrawMatches(transaction, former.clientId);
        return transaction.oidcClient.update({ where: { pid }, data });
      }),
      'clientId',
    );
    return open(row);
  };

  const find = async (clientId: string): Promise<OidcClient | undefined> => {
    const row = await prisma.oidcClient.findUnique({ where: { clientId } });
    return row === null ? undefined : open(row);
  };

  // Looked for first: an upsert would use up a pid at every start.
  const apply = async (input: OidcClientInput): Promise<void> => {
    const known = await find(input.clientId);
    if (known === undefined) {
      await create(input);
      return;
    }
    const clientSecret = input.clientSecret ?? known.clientSecret;
    await update(known.pid, { ...input, ...(clientSecret !== undefined && { clientSecret }) });
  };

  return {
    ...{ create, update, find },
    list: async () => (await prisma.oidcClient.findMany({ orderBy: { pid: 'asc' } })).map(open),
    read: async (pid) => {
      const row = await prisma.oidcClient.findUnique({ where: { pid } });
      if (row === null) throw new ExchangeError('not-found');
      return open(row);
    },
    remove: async (pid) => {
      await written(
        prisma.$transaction(async (transaction) => {
          const { clientId } = await transaction.oidcClient.delete({ where: { pid } });
          await withdrawMatches(transaction, clientId);
        }),
        'clientId',
      );
    },
    apply: async (inputs) => {
      for (const input of inputs) await unlessFaster(() => apply(input));
    },
  };
}

/** Whoever is registered under the same client id later is somebody else, and has matched nobody. */
async function withdrawMatches(transaction: Prisma.TransactionClient, clientId: string): Promise<void> {
  await transaction.memberMatch.updateMany({
    where: { clientId, withdrawnAt: null },
    data: { withdrawnAt: new Date() },
  });
}
