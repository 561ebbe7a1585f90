import { applyEdits, changeProperties, jsonProperty, replaceValue } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { elementsAt, isArrayAt, isObjectAt, isStringAt, objectAt, propertyOf, stringAt } from './json-text.ts';
import { isRecord, printParameters, readParameters } from './parameters.ts';

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';

/** What a payer's definition changes of a posted match; everything else goes out as it was posted. */
export interface MatchAdaptation {
  /** Added where the posted match has none: the text of a Coverage. */
  readonly addCoverageToLink?: string;
  readonly dropCoverageToLink?: boolean;
  /** In the place of the HRex policies. */
  readonly policies?: { readonly regular?: string | undefined; readonly sensitive?: string | undefined };
}

export function hasCoverageToLink(parameters: string): boolean {
  return readParameters(parameters).some(({ name }) => name === 'CoverageToLink');
}

/** Id of the posted MemberPatient, to which local references of the other parameters point (mm-6). */
export function memberPatientId(parameters: string): string | undefined {
  const entry = readParameters(parameters).find(({ name }) => name === 'MemberPatient');
  const resource = entry?.value['resource'];
  return isRecord(resource) && typeof resource['id'] === 'string' ? resource['id'] : undefined;
}

/** The body of the match as this payer wants it, each entry's text as it was posted but for what is adapted. */
export function adaptMatch(parameters: string, adaptation: MatchAdaptation): string {
  const { addCoverageToLink, dropCoverageToLink, policies } = adaptation;
  const entries = readParameters(parameters)
    .filter(({ name }) => !(dropCoverageToLink === true && name === 'CoverageToLink'))
    .map(({ name, text }) => (name === 'Consent' && policies !== undefined ? withPolicies(text, policies) : text));
  if (addCoverageToLink !== undefined) {
    entries.push(`{"name":"CoverageToLink","resource":${addCoverageToLink}}`);
  }
  return printParameters(entries);
}

function withPolicies(entry: string, policies: NonNullable<MatchAdaptation['policies']>): string {
  const root = objectAt(entry, 0);
  const resource = propertyOf(root, 'resource');
  if (resource === undefined || !isObjectAt(entry, resource.valueStart)) return entry;
  const policy = propertyOf(objectAt(entry, resource.valueStart), 'policy');
  if (policy === undefined || !isArrayAt(entry, policy.valueStart)) return entry;
  const edits: Edit[] = [];
  for (const { start } of elementsAt(entry, policy.valueStart)) {
    const uri = isObjectAt(entry, start) ? propertyOf(objectAt(entry, start), 'uri') : undefined;
    if (uri === undefined || !isStringAt(entry, uri.valueStart)) continue;
    const wanted = replacement(stringAt(entry, uri.valueStart), policies);
    if (wanted !== undefined) edits.push(replaceValue(uri, JSON.stringify(wanted)));
  }
  return applyEdits(entry, edits);
}

function replacement(
  uri: string,
  { regular, sensitive }: NonNullable<MatchAdaptation['policies']>,
): string | undefined {
  if (uri === `${POLICY}#regular`) return regular;
  return uri === `${POLICY}#sensitive` ? sensitive : undefined;
}

/** hrex-coverage: what is mustSupport there; a requesting payer SHOULD send nothing else of its own coverage (mm-5). */
const MUST_SUPPORT = [
  ...['resourceType', 'identifier', 'status', 'type', 'policyHolder', 'subscriber', 'subscriberId', 'beneficiary'],
  ...['dependent', 'relationship', 'period', 'payor', 'class'],
];

/** Our own coverage of the member as CoverageToLink: the beneficiary is the posted MemberPatient, the payor we ourselves. */
export function coverageToLink(
  coverage: string,
  { patientId, payor }: { readonly patientId: string; readonly payor: object | undefined },
): string {
  const object = objectAt(coverage, 0);
  const foreign = object.properties.map(({ key }) => key).filter((key) => !MUST_SUPPORT.includes(key));
  const replaced = ['beneficiary', 'policyHolder', 'subscriber', ...(payor === undefined ? [] : ['payor'])];
  const added = [
    jsonProperty('id', '"coverage-to-link"'),
    jsonProperty('beneficiary', JSON.stringify({ reference: `Patient/${patientId}` })),
    ...(payor === undefined ? [] : [jsonProperty('payor', JSON.stringify([payor]))]),
  ];
  return applyEdits(coverage, changeProperties(object, [...foreign, ...replaced], added));
}

/** The active one of several coverages whose period began last; undefined where none is active. */
export function activeCoverage(coverages: readonly string[], now: string): string | undefined {
  const dated = coverages.flatMap((text) => {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || value['status'] !== 'active') return [];
    const period = isRecord(value['period']) ? value['period'] : {};
    const { start = '', end } = period;
    if (typeof end === 'string' && end < now.slice(0, end.length)) return [];
    return [{ text, start: typeof start === 'string' ? start : '' }];
  });
  return dated.sort((one, other) => (one.start < other.start ? 1 : -1))[0]?.text;
}

/** A payor that needs no resource of ours to be understood: identifier and name of our Organization. */
export function logicalPayor(organization: string): object | undefined {
  const value: unknown = JSON.parse(organization);
  if (!isRecord(value)) return undefined;
  const identifiers = Array.isArray(value['identifier']) ? (value['identifier'] as unknown[]) : [];
  const identifier = identifiers.find(isRecord);
  const display = typeof value['name'] === 'string' ? value['name'] : undefined;
  return identifier === undefined ? undefined : { identifier, ...(display !== undefined && { display }) };
}
