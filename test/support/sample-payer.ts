import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateMembers } from '../../cli/sample-members/generate.ts';
import { sampleMember } from '../../cli/sample-members/member.ts';
import { loadFiles } from '../../store/postgres/load.ts';
import { reserveAddress, startTestPayer } from './payer.ts';
import type { TestPayer } from './payer.ts';
import { plainPartner } from './plain-partner.ts';
import type { PlainPartner } from './plain-partner.ts';

const SEED = 'responder-test';
const secretOf = (clientId: string): string => `secret-of-${clientId}-0123456789`;

export const ann = sampleMember(SEED, 0);
export const bob = sampleMember(SEED, 1);
export const eve = sampleMember(SEED, 2);

export interface SamplePayer {
  readonly payer: TestPayer;
  /** Its partner whose Organization is known. */
  readonly a: PlainPartner;
  readonly b: PlainPartner;
}

/** A whole payer with three generated members and two partners. */
export async function startSamplePayer(): Promise<SamplePayer> {
  const payer = await startTestPayer(await reserveAddress(), {
    organizations: [
      {
        resourceType: 'Organization',
        id: 'a',
        identifier: [{ system: 'http://example.org/payers', value: 'requesting' }],
      },
    ],
    oidcClients: ['a', 'b'].map((id) => ({
      ...{ clientId: id, name: id, clientSecret: secretOf(id) },
      ...(id === 'a' && { organizationId: 'a' }),
    })),
    matching: { maxFailures: 3 },
  });
  await loadMembers(payer);
  return {
    payer,
    a: await plainPartner(payer, 'a', secretOf('a')),
    b: await plainPartner(payer, 'b', secretOf('b')),
  };
}

async function loadMembers({ wiring }: TestPayer): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-'));
  const options = { seed: SEED, members: 3, resourcesPerMember: 200, referenceDate: '2026-11-01' };
  const file = path.join(folder, 'sample.ndjson');
  writeFileSync(file, [...generateMembers(options)].map(({ text }) => `${text}\n`).join(''));
  await loadFiles(wiring.pool, [file]);
  rmSync(folder, { recursive: true });
}
