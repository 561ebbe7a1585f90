import { CHRONIC, SENSITIVE } from './clinical-codes.ts';
import { carePlanning } from './care.ts';
import { allergy, chronicCondition } from './conditions.ts';
import { createDirectory } from './directory.ts';
import type { Directory } from './directory.ts';
import { coverage, device, patient, relatedPerson } from './identity.ts';
import { sampleMember } from './member.ts';
import type { SampleMember } from './member.ts';
import { createRandom } from './random.ts';
import { createRecord } from './record.ts';
import type { MemberRecord } from './record.ts';
import { printed } from './resource.ts';
import type { ResourceBody, SampleResource } from './resource.ts';
import { timeOf } from './times.ts';
import {
  authorizedService,
  checkUp,
  dentalVisit,
  hospitalStay,
  laboratoryVisit,
  officeVisit,
  outpatientVisit,
  screeningVisit,
} from './visits.ts';
import type { VisitKind } from './visits.ts';

export interface SampleOptions {
  readonly seed: string;
  readonly members: number;
  /** Of each member, without what the members share. From 150 on, every type occurs. */
  readonly resourcesPerMember: number;
  /** `YYYY-MM-DD`: no service is later. */
  readonly referenceDate: string;
}

/** So often each kind comes up; the first visits of a member are one of each. */
const MIX: readonly (readonly [VisitKind, number])[] = [
  [checkUp, 5],
  [officeVisit, 55],
  [laboratoryVisit, 14],
  [outpatientVisit, 9],
  [dentalVisit, 8],
  [screeningVisit, 5],
  [hospitalStay, 2],
  [authorizedService, 2],
];
const DRAWN = MIX.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));

/**
 * Synthetic members with all their records: first what they share (payer, providers, medications), then one member after
 * the other. The same options always give the same bytes; every literal reference leads to a resource of the same set.
 */
export function* generateMembers(options: SampleOptions): Generator<SampleResource> {
  const directory = createDirectory(options.seed);
  yield* sharedResources(directory);
  for (let index = 0; index < options.members; index++) {
    yield* memberResources(sampleMember(options.seed, index), directory, options);
  }
}

export function* sharedResources(directory: Directory): Generator<SampleResource> {
  for (const body of directory.resources) yield printed(body);
}

/** Of one member; fewer resources are the first ones of more. */
export function* memberResources(
  member: SampleMember,
  directory: Directory,
  { resourcesPerMember, referenceDate }: Pick<SampleOptions, 'resourcesPerMember' | 'referenceDate'>,
): Generator<SampleResource> {
  const random = createRandom(member.seed, 'record', member.index);
  const record = createRecord(member, directory, random, timeOf(referenceDate));
  let left = resourcesPerMember;
  for (const body of history(record)) {
    if (left-- <= 0) return;
    yield printed(body);
  }
}

/** Without end. */
function* history(record: MemberRecord): Generator<ResourceBody, never> {
  yield* standing(record);
  for (const [kind] of MIX) yield* kind(record);
  for (;;) yield* record.random.pick(DRAWN)(record);
}

/** What is there without a visit. */
function* standing(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  yield patient(record);
  yield coverage(record);
  const relative = relatedPerson(record);
  yield relative;
  yield allergy(record);
  const problems = [...random.some(CHRONIC, 3), ...random.some(SENSITIVE, 1)];
  for (const problem of problems) {
    const condition = chronicCondition(record, problem);
    yield condition;
    yield* carePlanning(record, condition, relative);
  }
  yield device(record);
}
