import { idOfUrn, normalizedBase, parseReference } from './identifiers.ts';
import type { ParsedReference } from './identifiers.ts';
import { isStringAt, propertyOf, stringAt } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';
import { scanRecord } from './record-scan.ts';
import type { RecordScan } from './record-scan.ts';
import type { RefusalReason } from './refusals.ts';

/** One place of a record that points somewhere: `Reference.reference`, or `Attachment.url`. */
export interface ReferenceSite {
  readonly object: JsonObject;
  readonly property: JsonProperty;
  readonly written: string;
  readonly parsed: ParsedReference;
  /** Present where it is the URL of an Attachment. */
  readonly attachment?: SiteAttachment;
}

export interface SiteAttachment {
  readonly contentType: string | undefined;
  /** Where its bytes are, absolute; undefined where they are no other than a Binary of the payer, or nobody can tell. */
  readonly elsewhere: string | undefined;
}

export interface ScannedRecord {
  readonly root: JsonObject;
  /** The value of the root's `meta`, where that is an object. */
  readonly meta: JsonObject | undefined;
  readonly sites: readonly ReferenceSite[];
  readonly problem: RefusalReason | undefined;
}

/** Elements of R4 whose type is Attachment, in extensions too; a name tells that a second look is worth it. */
const MAY_ATTACH = /"(?:attachment|photo|presentedForm|content|image|document|[a-z]+Attachment)"\s*:/;
/**
 * Where a record points to. `peerBase`: absolute URLs below it mean the same as relative ones.
 * @throws RangeError if the text is no JSON object
 */
export function scanReferences(text: string, peerBase: string): ScannedRecord {
  const scan = scanRecord(text);
  if (scan === undefined) throw new RangeError('the text holds no JSON object');
  return referencesOf(text, scan, peerBase);
}

/** The same for a text that was scanned already. */
export function referencesOf(text: string, scan: RecordScan, peerBase: string): ScannedRecord {
  const sites: ReferenceSite[] = [];
  let problem: RefusalReason | undefined;
  for (const object of scan.references) {
    let found: JsonProperty | undefined;
    for (const property of object.properties) {
      // `reference` may also be the name of an element that holds a Reference (Consent.provision.data.reference).
      if (property.key !== 'reference' || !isStringAt(text, property.valueStart)) continue;
      if (found !== undefined) problem ??= 'duplicate-key';
      found ??= property;
    }
    if (found === undefined) continue;
    const written = stringAt(text, found.valueStart);
    sites.push({ object, property: found, written, parsed: parsedSite(text, object, written, peerBase) });
  }
  if (scan.attachments.length > 0 && MAY_ATTACH.test(text)) addAttachmentSites(text, scan, peerBase, sites);
  return { root: scan.root, meta: scan.meta, sites, problem };
}

/** A URN names a resource by its id alone: where the Reference says its type, both are known. */
function parsedSite(text: string, object: JsonObject, written: string, peerBase: string): ParsedReference {
  const parsed = parseReference(written, peerBase);
  if (parsed.kind !== 'urn') return parsed;
  const type = propertyOf(object, 'type');
  const id = idOfUrn(written);
  if (type === undefined || id === undefined || !isStringAt(text, type.valueStart)) return parsed;
  const literal = parseReference(`${stringAt(text, type.valueStart)}/${id}`);
  return literal.kind === 'literal' ? { ...literal, version: written } : parsed;
}

function addAttachmentSites(text: string, { attachments }: RecordScan, peerBase: string, sites: ReferenceSite[]): void {
  for (const object of attachments) {
    const url = propertyOf(object, 'url');
    if (url === undefined || !isStringAt(text, url.valueStart)) continue;
    const written = stringAt(text, url.valueStart);
    const parsed = parseReference(written, peerBase);
    // Of all that a URL can name, an attachment is a Binary or bytes elsewhere.
    const isBinary = parsed.kind === 'literal' && parsed.type === 'Binary';
    // With nothing but a URL it may be anything, unless that leads to a Binary.
    if (!isBinary && object.properties.every(({ key }) => key === 'url' || key === 'id')) continue;
    const type = propertyOf(object, 'contentType');
    const contentType = type && isStringAt(text, type.valueStart) ? stringAt(text, type.valueStart) : undefined;
    const attachment = { contentType, elsewhere: isBinary ? undefined : absoluteUrl(written, peerBase) };
    sites.push({ object, property: url, written, parsed: isBinary ? parsed : { kind: 'other' }, attachment });
  }
}

/** A relative one counts from the base of the server that wrote it (http://hl7.org/fhir/R4/datatypes.html#Attachment). */
function absoluteUrl(written: string, peerBase: string): string | undefined {
  // A NUL stands in no URL that a server has, nor in a text of the database.
  if (written.includes('\0')) return undefined;
  if (/^https?:/i.test(written)) return written;
  const base = normalizedBase(peerBase);
  if (base === undefined || /^(?:[a-z][a-z0-9+.-]*:|#|\/\/)/i.test(written)) return undefined;
  return URL.canParse(written, `${base}/`) ? new URL(written, `${base}/`).href : undefined;
}
