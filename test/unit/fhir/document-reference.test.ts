import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { documentReferenceOf, keptBinaryId } from '../../../fhir/document-reference.ts';
import type { KeptFile } from '../../../fhir/document-reference.ts';

// A view into a larger buffer, as a stream delivers its chunks.
const bytes = Buffer.from('--{"resourceType":"Patient","name":"é"}\n--').subarray(2, -2);
const file: KeptFile = {
  exchangeId: 'p2p-task-1',
  fileIndex: 2,
  resourceType: 'Patient',
  patient: 'Patient/imported',
  respondingOrganization: 'Organization/old',
  date: '2026-11-21T04:35:26.123Z',
  size: bytes.byteLength,
  sha1Base64: createHash('sha1').update(bytes).digest('base64'),
  originalSha256: 'ab'.repeat(32),
};

describe('the DocumentReference of a kept file', () => {
  it('holds a small file as the base64 of a Binary whose data is the base64 of the file', () => {
    const [content] = documentReferenceOf({ ...file, bytes }).content;
    const binary = JSON.parse(Buffer.from(content?.attachment.data ?? '', 'base64').toString('utf8')) as Record<
      string,
      string
    >;
    expect(binary).toMatchObject({ resourceType: 'Binary', contentType: 'application/fhir+ndjson' });
    expect(Buffer.from(binary['data'] ?? '', 'base64').equals(bytes)).toBe(true);
    expect(content?.attachment).not.toHaveProperty('url');
  });

  it('points to the Binary of a large file', () => {
    const [content] = documentReferenceOf(file).content;
    expect(content?.attachment.url).toBe(`Binary/${keptBinaryId('p2p-task-1', 2)}`);
    expect(content?.attachment).not.toHaveProperty('data');
  });

  it('gives size and hash of the kept bytes and the SHA-256 of what was received', () => {
    const document = documentReferenceOf({ ...file, bytes });
    expect(document).toMatchObject({
      status: 'current',
      date: file.date,
      subject: { reference: 'Patient/imported' },
      content: [
        { attachment: { contentType: 'application/fhir+ndjson', size: bytes.byteLength, hash: file.sha1Base64 } },
      ],
      extension: [
        { url: 'http://payer-to-payer-exchange/StructureDefinition/original-sha256', valueString: file.originalSha256 },
      ],
    });
  });

  it('has an id of its own for each file of each exchange, always the same', () => {
    const ids = [file, { ...file, fileIndex: 3 }, { ...file, exchangeId: 'other' }].map(
      (one) => documentReferenceOf(one).id,
    );
    expect(new Set(ids).size).toBe(3);
    expect(documentReferenceOf(file)).toEqual(documentReferenceOf(file));
  });
});
