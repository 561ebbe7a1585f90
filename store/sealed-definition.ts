import { Prisma } from '../prisma/generated/client.ts';
import { ExchangeError } from '../fhir/errors.ts';
import type { Seal } from '../seal.ts';

/** The two columns of a definition: what everyone may read, and the secrets, sealed. */
export interface SealedDefinition {
  readonly definition: Prisma.InputJsonObject;
  readonly secrets: Uint8Array<ArrayBuffer>;
}

export function sealDefinition(input: object, secretNames: readonly string[], seal: Seal): SealedDefinition {
  const entries = Object.entries(input).filter(([, value]) => value !== undefined);
  const pick = (isSecret: boolean) =>
    Object.fromEntries(entries.filter(([name]) => secretNames.includes(name) === isSecret));
  return { definition: pick(false), secrets: seal.sealJson(pick(true)) };
}

/** The definition as it was given, secrets open. */
export function openDefinition(row: { definition: unknown; secrets: Uint8Array }, seal: Seal): object {
  return { ...(row.definition as object), ...(seal.openJson(row.secrets) as object) };
}

/**
 * Tells apart what a write of one row may fail by.
 * @throws ExchangeError `conflict` where another row has the unique value, `not-found` where there is no row to change
 */
export async function written<T>(write: Promise<T>, uniqueName: string): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (isKnown(error, 'P2025')) throw new ExchangeError('not-found');
    if (!isKnown(error, 'P2002')) throw error;
    const diagnostics = `Another definition has this ${uniqueName}.`;
    throw new ExchangeError('conflict', { diagnostics, expression: uniqueName });
  }
}

/** Once more where another process that starts at this moment wrote the same row first. */
export async function unlessFaster(apply: () => Promise<void>): Promise<void> {
  try {
    await apply();
  } catch (error) {
    if (!(error instanceof ExchangeError && error.code === 'conflict')) throw error;
    await apply();
  }
}

function isKnown(error: unknown, code: string): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;
}
