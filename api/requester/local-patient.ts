import { ExchangeError } from '../../fhir/errors.ts';
import { identifiersOf } from '../../fhir/identifiers.ts';
import type { Naming } from '../../fhir/invoke-export.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore } from '../../store/fhir-store.ts';

export interface LocalPatientDeps {
  readonly fhir: FhirStore;
  /** System of the identifier that a local patient must have exactly once; absent: not asked for. */
  readonly referenceSystem: string | undefined;
}

/**
 * Id of the local Patient: there, and with exactly one identifier of the reference system where one is configured.
 * @throws ExchangeError `patient-unknown`, `patient-identifier`
 */
export async function localPatient(naming: Naming, { fhir, referenceSystem }: LocalPatientDeps): Promise<string> {
  const { expression } = naming;
  const [byIdentifier, ...others] =
    naming.id === undefined && naming.identifier !== undefined
      ? await fhir.findByIdentifier('Patient', naming.identifier)
      : [];
  const id = naming.id ?? (others.length === 0 ? byIdentifier?.id : undefined);
  const stored = id === undefined || naming.url !== undefined ? undefined : await fhir.read('Patient', id);
  if (stored === undefined || stored.deleted || stored.origin === 'imported') {
    throw new ExchangeError('patient-unknown', { expression });
  }
  if (referenceSystem === undefined) return stored.id;
  const resource: unknown = JSON.parse(stored.text);
  const found = isRecord(resource) ? identifiersOf(resource).filter(({ system }) => system === referenceSystem) : [];
  if (found.length !== 1) {
    throw new ExchangeError('patient-identifier', { expression, diagnostics: `It has ${found.length} of them.` });
  }
  return stored.id;
}
