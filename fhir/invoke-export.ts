import { ExchangeError } from './errors.ts';
import { isFhirId, parseReference } from './identifiers.ts';
import { isRecord, printParameters, readParameters, readPartsOrResource } from './parameters.ts';
import type { ParameterEntry } from './parameters.ts';

/** How a request names something: by literal reference, by business identifier, or both. */
export interface Naming {
  readonly id?: string;
  /** An absolute URL, where the reference is one. */
  readonly url?: string;
  readonly identifier?: { readonly system?: string; readonly value: string };
  readonly expression: string;
}

/** What was posted to `Patient/$sdh.s2s.invoke-export`, read once; texts are as posted. */
export interface InvokeExportRequest {
  readonly localPatient: Naming;
  readonly sourceIssuerUrl: string | undefined;
  readonly organization: Naming | undefined;
  readonly endpoint: Naming | undefined;
  /** The member at the responding payer, where no match is to be run. */
  readonly member: Naming | undefined;
  /** Body of `$member-match`, entries as posted. */
  readonly matchParameters: string | undefined;
  /** Entries of `export` as posted, each the JSON text of one Parameters entry. */
  readonly exportEntries: readonly string[];
  readonly payor: Naming | undefined;
  readonly consent: Readonly<Record<string, unknown>> | undefined;
}

const KNOWN = [
  'localPatient',
  'sourceIssuerUrl',
  'organization',
  'endpoint',
  'export',
  'memberMatch',
  'member-match',
  'sourcePatientId',
] as const;
type Known = (typeof KNOWN)[number];

const MATCH_RESOURCES = {
  MemberPatient: 'Patient',
  CoverageToMatch: 'Coverage',
  CoverageToLink: 'Coverage',
  Consent: 'Consent',
} as const;

const invalid = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('request-invalid', { expression, diagnostics });

/**
 * Reads both published forms of the operation's body (vendor tables A and B).
 * `ownBase` is our own FHIR base: absolute references to it are local ones.
 * @throws ExchangeError `request-invalid` whose expression points at the element
 */
export function readInvokeExport(text: string, ownBase: string): InvokeExportRequest {
  const entries = collect(readParameters(text));
  const localPatient = entries.get('localPatient');
  if (localPatient === undefined) throw invalid('Parameters.parameter', 'localPatient is required.');
  const match = entries.get('memberMatch') ?? entries.get('member-match');
  const member = entries.get('sourcePatientId');
  if (match === undefined && member === undefined) {
    throw invalid('Parameters.parameter', 'One of memberMatch and sourcePatientId is required.');
  }
  const organization = entries.get('organization');
  const endpoint = entries.get('endpoint');
  const issuer = entries.get('sourceIssuerUrl');
  const exported = entries.get('export');
  return {
    localPatient: namingOf(localPatient, 'Patient', ownBase),
    sourceIssuerUrl: issuer && urlOf(issuer),
    organization: organization && namingOf(organization, 'Organization', ownBase),
    endpoint: endpoint && namingOf(endpoint, 'Endpoint', ownBase),
    member: member && namingOf(member, 'Patient', ownBase),
    exportEntries: exported === undefined ? [] : readPartsOrResource(exported).map((entry) => entry.text),
    ...readMatch(match, ownBase),
  };
}

function collect(all: readonly ParameterEntry[]): ReadonlyMap<Known, ParameterEntry> {
  const found = new Map<Known, ParameterEntry>();
  for (const entry of all) {
    const name = KNOWN.find((known) => known === entry.name);
    if (name === undefined) throw invalid(`${entry.path}.name`, `The name is unknown; accepted: ${KNOWN.join(', ')}.`);
    if (found.has(name)) throw invalid(entry.path, `${name} may occur once.`);
    found.set(name, entry);
  }
  const forms = [found.get('memberMatch'), found.get('member-match')];
  if (forms[0] !== undefined && forms[1] !== undefined) {
    throw invalid(forms[1].path, 'memberMatch and member-match mean the same; one of them is accepted.');
  }
  return found;
}

function readMatch(
  entry: ParameterEntry | undefined,
  ownBase: string,
): Pick<InvokeExportRequest, 'matchParameters' | 'payor' | 'consent'> {
  if (entry === undefined) return { matchParameters: undefined, payor: undefined, consent: undefined };
  const parts = readPartsOrResource(entry);
  const seen = new Map<string, ParameterEntry>();
  for (const part of parts) {
    if (!isMatchName(part.name)) {
      throw invalid(`${part.path}.name`, `The name is unknown; accepted: ${Object.keys(MATCH_RESOURCES).join(', ')}.`);
    }
    if (seen.has(part.name)) throw invalid(part.path, `${part.name} may occur once.`);
    const resource = part.value['resource'];
    const type = MATCH_RESOURCES[part.name];
    if (!isRecord(resource) || resource['resourceType'] !== type) {
      throw invalid(`${part.path}.resource`, `A ${type} resource is expected.`);
    }
    seen.set(part.name, part);
  }
  for (const name of ['MemberPatient', 'CoverageToMatch', 'Consent'] as const) {
    if (!seen.has(name)) throw invalid(entry.path, `${name} is required.`);
  }
  return {
    matchParameters: printParameters(parts.map((part) => part.text)),
    payor: payorOf(seen.get('CoverageToMatch'), ownBase),
    consent: resourceOf(seen.get('Consent')),
  };
}

function isMatchName(name: string): name is keyof typeof MATCH_RESOURCES {
  return Object.hasOwn(MATCH_RESOURCES, name);
}

function resourceOf(part: ParameterEntry | undefined): Readonly<Record<string, unknown>> | undefined {
  const resource = part?.value['resource'];
  return isRecord(resource) ? resource : undefined;
}

/** The payor of the coverage at the responding payer: a reference, a contained Organization's identifier, or an identifier. */
function payorOf(part: ParameterEntry | undefined, ownBase: string): Naming | undefined {
  const coverage = resourceOf(part);
  const payors = coverage?.['payor'];
  const payor: unknown = Array.isArray(payors) ? payors[0] : undefined;
  if (part === undefined || coverage === undefined || !isRecord(payor)) return undefined;
  const expression = `${part.path}.resource.payor[0]`;
  const reference = payor['reference'];
  if (typeof reference === 'string' && reference.startsWith('#')) {
    const contained = Array.isArray(coverage['contained']) ? (coverage['contained'] as unknown[]) : [];
    const target = contained.find((each) => isRecord(each) && each['id'] === reference.slice(1));
    const identifiers = isRecord(target) ? target['identifier'] : undefined;
    const identifier = Array.isArray(identifiers) ? identifierOf(identifiers[0]) : undefined;
    return identifier && { identifier, expression };
  }
  return referenceNaming(payor, 'Organization', expression, ownBase);
}

function urlOf(entry: ParameterEntry): string {
  const value = entry.value['valueString'] ?? entry.value['valueUrl'] ?? entry.value['valueUri'];
  if (typeof value !== 'string' || !URL.canParse(value) || !/^https?:/i.test(value)) {
    throw invalid(`${entry.path}.value`, 'A valueString that is an http or https URL is expected.');
  }
  return value;
}

function identifierOf(value: unknown): Naming['identifier'] {
  if (!isRecord(value) || typeof value['value'] !== 'string' || value['value'] === '') return undefined;
  const system = value['system'];
  return typeof system === 'string' ? { system, value: value['value'] } : { value: value['value'] };
}

/** Accepts a Reference (literal or by identifier), an Identifier, an id, or a string holding a reference or an id. */
function namingOf(entry: ParameterEntry, type: string, ownBase: string): Naming {
  const { value, path } = entry;
  const identifier = identifierOf(value['valueIdentifier']);
  if (identifier !== undefined) return { identifier, expression: `${path}.value` };
  const reference = value['valueReference'];
  if (isRecord(reference)) {
    const naming = referenceNaming(reference, type, `${path}.value`, ownBase);
    if (naming !== undefined) return naming;
  }
  const text = value['valueString'] ?? value['valueId'] ?? value['valueUri'] ?? value['valueUrl'];
  if (typeof text === 'string') {
    if (isFhirId(text)) return { id: text, expression: `${path}.value` };
    const naming = referenceNaming({ reference: text }, type, `${path}.value`, ownBase);
    if (naming !== undefined) return naming;
  }
  throw invalid(`${path}.value`, `A reference to a ${type}, its id or an identifier is expected.`);
}

function referenceNaming(
  reference: Readonly<Record<string, unknown>>,
  type: string,
  expression: string,
  ownBase: string,
): Naming | undefined {
  const literal = reference['reference'];
  const identifier = identifierOf(reference['identifier']);
  if (typeof literal === 'string') {
    const parsed = parseReference(literal, ownBase);
    if (parsed.kind === 'literal') {
      if (parsed.type !== type) throw invalid(`${expression}.reference`, `A reference to a ${type} is expected.`);
      return { id: parsed.id, expression, ...(identifier && { identifier }) };
    }
    if (/^https?:\/\//i.test(literal)) {
      const tail = new RegExp(`/${type}/([A-Za-z0-9\\-.]{1,64})$`).exec(literal)?.[1];
      return { url: literal, expression, ...(tail !== undefined && { id: tail }), ...(identifier && { identifier }) };
    }
  }
  return identifier && { identifier, expression };
}
