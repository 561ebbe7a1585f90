import type { CapabilityStatementRestResourceOperation } from 'fhir/r4.js';
import type { ServedRoute } from './route-walk.ts';

const BULK_DATA = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition';
const OWN = 'http://payer-to-payer-exchange/OperationDefinition';

/** Canonical URLs by `Type$name`, the system's own without type. What no guide defines is ours. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  $export: `${BULK_DATA}/export`,
  Patient$export: `${BULK_DATA}/patient-export`,
  Group$export: `${BULK_DATA}/group-export`,
  'Group$davinci-data-export': 'http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export',
  'Group$bulk-member-match': `${PDEX}/BulkMemberMatch`,
  'Patient$member-match': 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match',
  DocumentReference$docref: 'http://hl7.org/fhir/us/core/OperationDefinition/docref',
  Patient$everything: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
  'Patient$sdh.s2s.invoke-export': `${OWN}/invoke-export`,
  'Patient$invoke-export': `${OWN}/invoke-export`,
};

const NOTES: Readonly<Record<string, string>> = {
  $export: 'For the operator of this server.',
  'Patient$sdh.s2s.invoke-export':
    'Requesting payer: begins an exchange with a responding payer, for the operator of this server.',
  'Patient$invoke-export': 'Another name of sdh.s2s.invoke-export.',
  'Group$invoke-export': 'Requesting payer: the same for many members of one responding payer.',
  'Patient$member-match': 'Responding payer.',
  'Group$bulk-member-match': 'Responding payer.',
  DocumentReference$docref: 'Documents that are there, by patient, start, end, type; none is made on demand.',
  Patient$everything: 'Responding payer: _since, _type, _count, start, end; origin is native, imported or all.',
};

export interface ServedOperation {
  /** Undefined: of the system. */
  readonly type: string | undefined;
  readonly operation: CapabilityStatementRestResourceOperation;
}

/** The operations among these routes, each once, whatever its methods and levels. */
export function operationsOf(routes: readonly ServedRoute[]): readonly ServedOperation[] {
  const found = new Map<string, ServedOperation>();
  for (const { path } of routes) {
    const [, type, name = ''] = /^\/(?:([A-Z][A-Za-z]*)\/)?(?::\w+\/)?\$([\w.-]+)$/.exec(path) ?? [];
    if (name === '') continue;
    const key = `${type ?? ''}$${name}`;
    const note = NOTES[key];
    const operation = {
      ...{ name, definition: DEFINITIONS[key] ?? `${OWN}/${name}` },
      ...(note !== undefined && { documentation: note }),
    };
    found.set(key, { type, operation });
  }
  return [...found.values()];
}
