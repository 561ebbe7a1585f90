import express from 'express';
import type { Pool } from 'pg';
import type { Config } from '../config.ts';
import type { Secrets } from '../embedded/secrets.ts';
import type { Logger } from '../logger.ts';
import { createSeal } from '../seal.ts';
import type { Seal } from '../seal.ts';
import type { TemporalClient } from '../temporal/client.ts';

/** What every part of a payer is made from; the one place where parts get to know each other. */
export interface Wiring {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly pool: Pool;
  readonly temporal: TemporalClient;
}

export interface Apps {
  /** Served on PORT. */
  readonly fhir: express.Express;
  /** Served on P2P_PORT. */
  readonly p2p: express.Express;
}

export function sealOf({ secrets }: Wiring): Seal {
  return createSeal(secrets.encryptionKeys);
}

/** Applies the configuration file, creates schedules: once at each start, before anything is served. */
export async function prepare(wiring: Wiring): Promise<void> {
  await wiring.pool.query('SELECT 1');
}

export function wireApps(_wiring: Wiring): Apps {
  return { fhir: express(), p2p: express() };
}

export function wireActivities(_wiring: Wiring): object {
  return {};
}
