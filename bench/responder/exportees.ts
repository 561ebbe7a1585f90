import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { sampleMember } from '../../cli/sample-members/member.ts';
import { StartError } from '../../embedded/start-error.ts';
import { dataFolder } from '../data.ts';
import type { PreparedSet } from '../data.ts';
import type { Run } from '../imports.ts';
import type { ApiProcess } from './api-process.ts';
import { loadFiles } from './load-process.ts';
import { matchRequest } from './match-request.ts';

export interface ExporteeOptions {
  /** Of the database. */
  readonly name: string;
  readonly databaseUrl: string;
  readonly members: number;
  readonly resourcesOfEach: number;
  /** Sizes of the Groups: the first so many members. */
  readonly groups: readonly number[];
}

const LOADERS = 2;

export const groupOf = (members: number): string => `first-${members}`;

/** Loads members with all their records, and Groups of them. */
export async function loadExportees(run: Run, options: ExporteeOptions): Promise<readonly PreparedSet[]> {
  const { name, databaseUrl, members, resourcesOfEach, groups } = options;
  const { servers, progress } = run;
  const sets: PreparedSet[] = [];
  for (let index = 0; index < members; index++) {
    sets.push(await run.prepare({ name: `exportee-${resourcesOfEach}-${index}`, resources: resourcesOfEach }));
  }
  const groupFile = path.join(servers.folder, `${name}-groups.ndjson`);
  writeFileSync(groupFile, groups.map((size) => `${JSON.stringify(group(sets.slice(0, size)))}\n`).join(''));
  const rest = sets.values();
  let loaded = 0;
  const load = async (loader: number): Promise<void> => {
    for (const set of rest) {
      const files = set.files.map((file) => path.join(dataFolder(), set.name, file.name));
      await loadFiles(servers, { name: `${name}-load-${loader}`, databaseUrl, files });
      loaded += 1;
    }
  };
  const look = (): Promise<string> => Promise.resolve(`${name}: ${loaded} of ${members} members loaded`);
  await progress.during(look, () => Promise.all(Array.from({ length: LOADERS }, (_, loader) => load(loader))));
  await loadFiles(servers, { name: `${name}-load-groups`, databaseUrl, files: [groupFile] });
  return sets;
}

function group(sets: readonly PreparedSet[]): object {
  return {
    ...{ resourceType: 'Group', id: groupOf(sets.length), type: 'person', actual: true },
    member: sets.map(({ patientId }) => ({ entity: { reference: `Patient/${patientId}` } })),
  };
}

/** The partner matches each of them, with a consent to everything. */
export async function matchAll(api: ApiProcess, sets: readonly PreparedSet[]): Promise<void> {
  for (const { name } of sets) {
    const { person, birthDate, memberNumber } = sampleMember(name, 0);
    const { family, given, gender } = person;
    const answer = await fetch(`${api.fhirUrl}/Patient/$member-match`, {
      method: 'POST',
      headers: { authorization: await api.authorization(), 'content-type': 'application/fhir+json' },
      body: matchRequest({ family, given, gender, birthDate, memberNumber }),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new StartError(`A match was answered ${answer.status}: ${text.slice(0, 1000)}`);
  }
}
