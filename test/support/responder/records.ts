import { refuse } from './answers.ts';
import { matchedPatients, requireScope } from './bearer.ts';
import { groupText } from './groups.ts';
import { at, isRecord, parseJson, textsAt } from './json.ts';
import { patientOf } from './members.ts';
import type { IssuedToken, Member, State } from './state.ts';

export interface UpdateWindow {
  since: number | undefined;
  until: number | undefined;
}

export function visibleMembers(state: State, token: IssuedToken): Member[] {
  const matched = matchedPatients(state, token);
  return [...state.members.values()].filter((member) => matched.has(member.patientId));
}

/** @throws Refusal where reads and searches are not offered at all */
export function checkReadsOffered(state: State): void {
  const refused = state.behaviour.reads.refusedWith;
  if (refused !== null) throw refuse(refused, refused === 404 ? 'not-found' : 'forbidden', 'reads are not offered');
}

/**
 * The text of one resource, delivered or not, as it was given; a Patient has its UMB added.
 * @throws Refusal 403 or 404, or the status that stands for all reads
 */
export function readRecord(state: State, token: IssuedToken, type: string, id: string): string {
  checkReadsOffered(state);
  const { types } = state.behaviour.reads;
  if (types?.includes(type) === false) throw refuse(404, 'not-supported', `${type} is not read`);
  requireScope(state, token, type);
  const group = type === 'Group' ? groupText(state, token, id) : undefined;
  if (group !== undefined) return group;
  for (const member of visibleMembers(state, token)) {
    const patient = type === 'Patient' && member.patientId === id ? patientText(member) : undefined;
    if (patient !== undefined) return patient;
    const found = allLines(member, type).find((line) => line.includes(id) && idOf(line) === id);
    if (found !== undefined) return found;
  }
  throw refuse(404, 'not-found', 'no such resource');
}

/** What is exported, and what this payer holds besides. */
export function allLines(member: Member, type: string): string[] {
  return [...(member.lines[type] ?? []), ...(member.undelivered?.[type] ?? [])];
}

export function idOf(line: string): string | undefined {
  return textsAt(parseJson(line), 'id')[0];
}

/** The window is about meta.lastUpdated; a resource without one is always in. */
export function isUpdatedIn(line: string, { since, until }: UpdateWindow): boolean {
  if (since === undefined && until === undefined) return true;
  const updated = Date.parse(textsAt(parseJson(line), 'meta.lastUpdated')[0] ?? '');
  return Number.isNaN(updated) || (updated >= (since ?? -Infinity) && updated <= (until ?? Infinity));
}

/** The Patient as a search shows it; one that was given with its UMB as it was given. */
export function patientText(member: Member): string | undefined {
  const patient = patientOf(member);
  const carriesUmb = at(patient, 'identifier').some(
    (each) => isRecord(each) && each['system'] === member.umb.system && each['value'] === member.umb.value,
  );
  if (carriesUmb) return member.lines['Patient']?.find((line) => idOf(line) === member.patientId);
  const withUmb = patientWithUmb(member);
  return withUmb && JSON.stringify(withUmb);
}

/** Found by its UMB, so it carries it. */
export function patientWithUmb(member: Member): Record<string, unknown> | undefined {
  const patient = patientOf(member);
  if (!isRecord(patient)) return undefined;
  return { ...patient, identifier: [...at(patient, 'identifier'), member.umb] };
}
