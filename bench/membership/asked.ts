import type { AskedMember } from '../responder/match-request.ts';
import { insured } from './insured.ts';
import type { Insured } from './insured.ts';

/** What is asked for: members by what is on their card or by their names alone, and persons who are none. */
export const KINDS = [
  'by number',
  'by demographics',
  'near miss by number',
  'near miss by demographics',
  'unknown number',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Asked {
  readonly kind: Kind;
  readonly member: Insured;
  readonly request: AskedMember;
}

/** No two turns of any kind ask for the same person: tries that fail are counted by person. */
export function askedOf(kind: Kind, { turn, turns, members }: { turn: number; turns: number; members: number }): Asked {
  const number = turn * KINDS.length + KINDS.indexOf(kind);
  // Odd and no multiple of five: it meets every member of a power of ten before it meets one again.
  const step = oddStep(Math.floor(members / (turns * KINDS.length)));
  const member = insured((number * step) % members);
  return { kind, member, request: requestOf(kind, member, turn) };
}

function oddStep(least: number): number {
  const odd = least | 1;
  return odd % 5 === 0 && odd > 1 ? odd + 2 : odd;
}

function requestOf(kind: Kind, member: Insured, turn: number): AskedMember {
  const { family, given, gender, birthDate, memberNumber, subscriberId } = member;
  // As a clerk writes it.
  const person = { family: family.toUpperCase(), given: given.slice(0, 1), gender, birthDate };
  switch (kind) {
    case 'by number':
      return { ...person, ...(turn % 2 === 0 ? { memberNumber } : { subscriberId }) };
    case 'by demographics':
      return { ...person, memberNumber: `OTHER-${memberNumber}` };
    case 'near miss by number':
      return { ...person, memberNumber, birthDate: dayAfter(birthDate) };
    case 'near miss by demographics':
      return { ...person, memberNumber: `OTHER-${memberNumber}`, given: ['Nobody'] };
    case 'unknown number':
      return { ...person, memberNumber: `OTHER-${memberNumber}` };
  }
}

function dayAfter(date: string): string {
  return new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
}

/** Several may have the same name and birth date: then 422 is right, where names are all that is asked for. */
export function isExpected({ kind, member }: Asked, status: number, body: string): boolean {
  const isFound = status === 200 && body.includes(`"Patient/${member.patientId}"`);
  if (kind === 'by number') return isFound;
  return kind === 'by demographics' ? isFound || status === 422 : status === 422;
}
