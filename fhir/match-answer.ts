import { ExchangeError } from './errors.ts';
import { isFhirId } from './identifiers.ts';
import { isRecord } from './parameters.ts';

/** What an answer of `$member-match` says of the member, in whichever of its published shapes. */
export interface MatchAnswer {
  /** Id of the member's Patient at the responding payer. */
  readonly patientId?: string;
  /** A business identifier: to be looked up, never an id. */
  readonly identifier?: { readonly system?: string; readonly value: string; readonly type?: string };
  /** The reference that the id comes from, as written. */
  readonly memberReference?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const PATIENT_REFERENCE = /(?:^|\/)Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/;
/** The unique member identifier first, then what older guides and servers type it as. */
const MEMBER_TYPES = ['UMB', 'MB', 'MC'] as const;

/**
 * Reads every shape that answers have had: HRex 1.x (identifier, with or without a reference), 1.0.0 (typed MB),
 * an id or reference under `MemberIdentifier`, and the ballots' Patient with a member identifier.
 * @throws ExchangeError `member-not-matched` when the answer names nobody, `member-ambiguous` when it names two
 * members, `peer-invalid` when it is neither Parameters nor a Patient
 */
export function readMatchAnswer(body: unknown): MatchAnswer {
  const answers = answersOf(body);
  const references = unique(answers.flatMap(({ memberReference }) => memberReference ?? []));
  const ids = unique(answers.flatMap(({ patientId }) => patientId ?? []));
  const identifiers = answers.flatMap(({ identifier }) => identifier ?? []).sort((a, b) => rank(a.type) - rank(b.type));
  const best = identifiers.filter(({ type }) => rank(type) === rank(identifiers[0]?.type));
  const hasTwo = unique(best.map(({ system, value }) => JSON.stringify([system, value]))).length > 1;
  if (ids.length > 1 || (ids.length === 0 && hasTwo)) throw new ExchangeError('member-ambiguous');
  const [patientId] = ids;
  const [identifier] = identifiers;
  const [memberReference] = references;
  if (patientId === undefined && identifier === undefined) {
    throw new ExchangeError('member-not-matched', { detail: 'the answer names no member' });
  }
  return {
    ...(patientId !== undefined && { patientId }),
    ...(identifier !== undefined && { identifier }),
    ...(memberReference !== undefined && { memberReference }),
  };
}

function answersOf(body: unknown): readonly MatchAnswer[] {
  if (isRecord(body) && body['resourceType'] === 'Parameters') {
    const entries = (Array.isArray(body['parameter']) ? body['parameter'] : []).filter(isRecord);
    const named = entries.filter((entry) => /^member(identifier|id)$/i.test(textOf(entry['name']) ?? ''));
    const direct = named.map(readEntry);
    // Servers that echo the request beside their answer have answered; only the ballots answer in the Patient alone.
    return direct.some(isAnswer) ? direct : entries.map(({ resource }) => readPatient(resource));
  }
  if (isRecord(body) && body['resourceType'] === 'Patient') return [readPatient(body)];
  throw new ExchangeError('peer-invalid', { detail: 'the answer of $member-match is no Parameters resource' });
}

function isAnswer({ patientId, identifier }: MatchAnswer): boolean {
  return patientId !== undefined || identifier !== undefined;
}

/** `valueIdentifier`, `valueReference`, or one of the simple values that stand for a reference. */
function readEntry(entry: Fields): MatchAnswer {
  if (isRecord(entry['valueIdentifier'])) return withIdentifier(entry['valueIdentifier']);
  const reference = entry['valueReference'];
  if (isRecord(reference)) {
    const literal = textOf(reference['reference']);
    if (literal !== undefined) return withReference(literal);
    return isRecord(reference['identifier']) ? withIdentifier(reference['identifier']) : {};
  }
  const simple = ['valueId', 'valueString', 'valueUri', 'valueUrl', 'valueCanonical'].map((key) => textOf(entry[key]));
  const text = simple.find((value) => value !== undefined);
  return text === undefined ? {} : withReference(text);
}

function withReference(text: string): MatchAnswer {
  const [, id] = PATIENT_REFERENCE.exec(text) ?? [];
  if (id !== undefined) return { patientId: id, memberReference: text };
  return isFhirId(text) ? { patientId: text, memberReference: `Patient/${text}` } : {};
}

function withIdentifier(identifier: Fields): MatchAnswer {
  const value = textOf(identifier['value']);
  if (value === undefined) return {};
  const system = textOf(identifier['system']);
  const [type] = typeCodes(identifier);
  return { identifier: { ...(system !== undefined && { system }), value, ...(type !== undefined && { type }) } };
}

/** The Patient is the one that was sent, so its id is the asker's own; only the identifier added to it answers. */
function readPatient(resource: unknown): MatchAnswer {
  if (!isRecord(resource) || resource['resourceType'] !== 'Patient') return {};
  const identifiers = (Array.isArray(resource['identifier']) ? resource['identifier'] : []).filter(isRecord);
  const unique = identifiers.find((identifier) => typeCodes(identifier).includes(MEMBER_TYPES[0]));
  return unique === undefined ? {} : withIdentifier(unique);
}

function typeCodes(identifier: Fields): readonly string[] {
  const type = identifier['type'];
  const codings = isRecord(type) && Array.isArray(type['coding']) ? type['coding'].filter(isRecord) : [];
  const codes = codings.flatMap(({ code }) => textOf(code) ?? []);
  return [...codes].sort((one, other) => rank(one) - rank(other));
}

function rank(code: string | undefined): number {
  const place = MEMBER_TYPES.findIndex((type) => type === code);
  return place === -1 ? MEMBER_TYPES.length : place;
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
