import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at, hasCoding, parseJson, textsAt } from './json.ts';
import type { DirectorySource, Member, MemberInput } from './state.ts';

const ANY_PATIENT = /"(?:[^"\\]*\/)?Patient\/[A-Za-z0-9.-]+"/;
const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** Names are compared without case, accents and spaces around them. */
export function comparable(name: string): string {
  return name.normalize('NFD').replace(/\p{M}/gu, '').trim().toLowerCase();
}

/** Completes a member with what `$member-match` compares, out of its Patient line. */
export function completeMember(input: MemberInput): Member {
  const patient = patientOf(input);
  return {
    ...input,
    umb: input.umb ?? { system: 'http://responder.example/umb', value: `UMB-${input.memberId}` },
    families: textsAt(patient, 'name.family').map(comparable),
    birthDate: textsAt(patient, 'birthDate')[0],
  };
}

export function patientOf(member: MemberInput): unknown {
  return (member.lines['Patient'] ?? []).map(parseJson).find((each) => textsAt(each, 'id')[0] === member.patientId);
}

/**
 * Takes one patient out of a directory of NDJSON files (a Bulk Data export): the lines that mention
 * `Patient/<id>`, the Patient itself, and all lines of types in which no line mentions any patient.
 */
export async function loadMemberFromDirectory(source: DirectorySource): Promise<MemberInput> {
  const own = new RegExp(`"(?:[^"\\\\]*/)?Patient/${escaped(source.patientId)}"`);
  const lines: Record<string, string[]> = {};
  const shared: Record<string, string[]> = {};
  const typesWithPatient = new Set(['Patient']);
  const files = (await readdir(source.directory)).filter((name) => name.endsWith('.ndjson')).sort();
  for (const file of files) {
    for await (const line of createInterface({
      input: createReadStream(join(source.directory, file)),
      crlfDelay: Infinity,
    })) {
      const type = /"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(line)?.[1];
      if (type === undefined) continue;
      if (ANY_PATIENT.test(line)) typesWithPatient.add(type);
      if (type === 'Patient' ? isPatient(line, source.patientId) : own.test(line)) (lines[type] ??= []).push(line);
      else if (!typesWithPatient.has(type)) (shared[type] ??= []).push(line);
    }
  }
  for (const [type, all] of Object.entries(shared)) if (!typesWithPatient.has(type)) lines[type] = all;
  if (!lines['Patient']) throw new Error('the directory has no such patient');
  return {
    patientId: source.patientId,
    memberId: source.memberId ?? identifierOf(lines['Patient'][0]) ?? source.patientId,
    subscriberId: source.subscriberId,
    lines,
  };
}

function isPatient(line: string, patientId: string): boolean {
  return line.includes(patientId) && textsAt(parseJson(line), 'id')[0] === patientId;
}

/** The identifier typed MB, otherwise the one typed MR. */
function identifierOf(patientLine: string | undefined): string | undefined {
  const identifiers = at(parseJson(patientLine ?? ''), 'identifier');
  for (const code of ['MB', 'MR']) {
    const found = identifiers.find((each) => hasCoding(each, 'type', V2_0203, code));
    if (found !== undefined) return textsAt(found, 'value')[0];
  }
  return undefined;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
