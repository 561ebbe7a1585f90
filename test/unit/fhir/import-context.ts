import { transformForImport } from '../../../fhir/import-transform.ts';
import type { ImportContext, ImportedResource } from '../../../fhir/import-transform.ts';
import { derivedId } from '../../../fhir/identifiers.ts';

/** What an exchange for the member `m1` knows; everything but undelivered targets resolves. */
export function importContext(more: Partial<ImportContext> = {}): ImportContext {
  return {
    organization: 'payer-a',
    localPatientId: 'local-1',
    memberId: 'm1',
    anchorPatientId: derivedId({ organization: 'payer-a', patient: 'local-1', type: 'Patient', originalId: 'm1' }),
    peerBase: 'https://peer.example/fhir',
    responderIdentifierSystem: 'urn:responder',
    migratedTag: {
      system: 'http://smilecdr.com/fhir/tags',
      code: 'migrated',
      display: 'Resource imported from external payer',
    },
    metaSource: 'https://peer.example/fhir',
    resolve: (_type, originalId) => !originalId.startsWith('gone'),
    resolveIdentifier: (_type, _system, value) => (value.startsWith('none') ? undefined : `by-${value}`),
    ...more,
  };
}

export function ofMember(type: string, originalId: string): string {
  return derivedId({ organization: 'payer-a', patient: 'local-1', type, originalId });
}

export function ofPayer(type: string, originalId: string): string {
  return derivedId({ organization: 'payer-a', type, originalId });
}

/** A line as it is stored; throws where it is refused. */
export function imported(text: string, more: Partial<ImportContext> = {}): ImportedResource {
  const result = transformForImport(text, importContext(more));
  if (result.kind === 'refused') throw new Error(`refused: ${result.reason}`);
  return result;
}
