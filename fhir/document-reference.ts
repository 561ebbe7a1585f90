import type { Binary, DocumentReference } from 'fhir/r4.js';
import { ORIGINAL_SHA256_EXTENSION } from './extension-urls.ts';
import { hashedId } from './identifiers.ts';

export const NDJSON_TYPE = 'application/fhir+ndjson';

export interface KeptFile {
  readonly exchangeId: string;
  /** Position of the file in the manifest, from 0. */
  readonly fileIndex: number;
  /** What the manifest says the file holds. */
  readonly resourceType: string;
  /** `Patient/<id>` of the imported Patient. */
  readonly patient: string;
  /** `Organization/<id>` of the responding payer. */
  readonly respondingOrganization: string;
  /** `Organization/<id>` of ours. */
  readonly ownOrganization?: string;
  /** Instant of receipt. */
  readonly date: string;
  /** Of the bytes that are kept. */
  readonly size: number;
  /** SHA-1 of the bytes that are kept, in base64 (http://hl7.org/fhir/R4/datatypes-definitions.html#Attachment.hash). */
  readonly sha1Base64: string;
  /** SHA-256 of the file as it was received, other members' lines included, in hex. */
  readonly originalSha256: string;
  /** The bytes that are kept, where they are no more than `attachmentInlineBytes`; without them the attachment points to the Binary. */
  readonly bytes?: Uint8Array;
}

export function documentReferenceId(exchangeId: string, fileIndex: number): string {
  return hashedId(['document-reference', exchangeId, fileIndex]);
}

/** Id of the Binary that holds the kept bytes of a file, inside the DocumentReference or on its own. */
export function keptBinaryId(exchangeId: string, fileIndex: number): string {
  return hashedId(['binary', exchangeId, fileIndex]);
}

/** The evidence of one received file, in the vendor's form: the attachment is a Binary resource, itself in base64. */
export function documentReferenceOf(file: KeptFile): DocumentReference {
  const binaryId = keptBinaryId(file.exchangeId, file.fileIndex);
  return {
    resourceType: 'DocumentReference',
    id: documentReferenceId(file.exchangeId, file.fileIndex),
    extension: [{ url: ORIGINAL_SHA256_EXTENSION, valueString: file.originalSha256 }],
    status: 'current',
    // US Core asks for a type; LOINC has none for an export file.
    type: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK', display: 'unknown' }],
      text: 'Payer-to-payer export file',
    },
    category: [{ text: 'Payer-to-payer exchange' }],
    subject: { reference: file.patient },
    date: file.date,
    author: [{ reference: file.respondingOrganization }],
    ...(file.ownOrganization !== undefined && { custodian: { reference: file.ownOrganization } }),
    description: `${file.resourceType} records as received from the responding payer`,
    content: [
      {
        attachment: {
          contentType: NDJSON_TYPE,
          ...(file.bytes ? { data: inlineBinary(binaryId, file.bytes) } : { url: `Binary/${binaryId}` }),
          size: file.size,
          hash: file.sha1Base64,
        },
      },
    ],
  };
}

function inlineBinary(id: string, bytes: Uint8Array): string {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  const binary: Binary = { resourceType: 'Binary', id, contentType: NDJSON_TYPE, data };
  return Buffer.from(JSON.stringify(binary), 'utf8').toString('base64');
}
