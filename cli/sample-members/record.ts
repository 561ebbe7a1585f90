import type { Clinician, Directory, Site, SiteKind } from './directory.ts';
import type { SampleMember } from './member.ts';
import { stableId } from './random.ts';
import type { Random } from './random.ts';
import { referenceTo } from './resource.ts';
import type { Target } from './resource.ts';
import type { JsonObject } from './json.ts';

/** What the resources of one member are made from. */
export interface MemberRecord {
  readonly member: SampleMember;
  readonly directory: Directory;
  readonly random: Random;
  /** Nothing in the record is later. */
  readonly referenceTime: number;
  readonly newTarget: (type: string) => Target;
}

export function createRecord(
  member: SampleMember,
  directory: Directory,
  random: Random,
  referenceTime: number,
): MemberRecord {
  const counts = new Map<string, number>([
    ['Patient', 1],
    ['Coverage', 1],
  ]);
  const newTarget = (resourceType: string): Target => {
    const count = counts.get(resourceType) ?? 0;
    counts.set(resourceType, count + 1);
    return { resourceType, id: stableId(member.seed, member.index, resourceType, count) };
  };
  return { member, directory, random, referenceTime, newTarget };
}

export function patientOf({ member }: MemberRecord): Target {
  return { resourceType: 'Patient', id: member.patientId };
}

export function coverageOf({ member }: MemberRecord): Target {
  return { resourceType: 'Coverage', id: member.coverageId };
}

export function subjectOf(record: MemberRecord): JsonObject {
  return referenceTo(patientOf(record));
}

export function siteOf({ directory, random }: MemberRecord, kind: SiteKind): Site {
  return random.pick(directory.sites.filter((site) => site.kind === kind));
}

export function clinicianOf({ random }: MemberRecord, site: Site): Clinician {
  return random.pick(site.clinicians);
}
