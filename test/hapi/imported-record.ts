import type { TestPayer } from '../support/payer.ts';
import type { Differences } from '../support/same-record.ts';

/** Under it the ids of the responding payer stand in the imported records. */
export const IDENTIFIER_SYSTEM = 'urn:example:old-plan:id';

/** All that a payer has imported. */
export interface ImportedRecord {
  /** By `Type/id` at the responding payer. */
  readonly texts: ReadonlyMap<string, string>;
  readonly differences: Differences;
}

export async function importedRecord(payer: TestPayer): Promise<ImportedRecord> {
  const { rows } = await payer.wiring.pool.query<{ type: string; id: string; content: string }>(
    `SELECT r.type, r.id, r.content FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.published_at IS NOT NULL AND p.exchange_id IS NOT NULL AND NOT r.generated`,
  );
  const texts = new Map<string, string>();
  const originalOf = new Map<string, string>();
  for (const { type, id, content } of rows) {
    const original = `${type}/${originalIdOf(content)}`;
    texts.set(original, content);
    originalOf.set(`${type}/${id}`, original);
  }
  return {
    texts,
    // HAPI FHIR resolves conditional references itself: none of them is sent.
    differences: { identifierSystem: IDENTIFIER_SYSTEM, tag: 'migrated', originalOf, byIdentifier: new Map() },
  };
}

function originalIdOf(text: string): string {
  const [, id] = new RegExp(`"system":"${IDENTIFIER_SYSTEM}","value":"([^"]+)"`).exec(text) ?? [];
  if (id === undefined) throw new Error('An imported record does not say which id it had.');
  return id;
}
