import { Router } from 'express';
import type { CapabilityStatement, CapabilityStatementRestResource } from 'fhir/r4.js';
import { RESOURCE_TYPES } from '../fhir/resource-types.ts';
import { sendResource } from './outcome.ts';

export interface MetadataDeps {
  /** `PUBLIC_URL/fhir`. */
  readonly baseUrl: string;
  readonly version: string;
  /** When this program began to say so. */
  readonly date: string;
}

const BULK_DATA = 'http://hl7.org/fhir/uv/bulkdata';
const HREX_MATCH = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';

/** Searches that the indexes answer; others are refused, so they are not named. */
const SEARCHES: Readonly<Record<string, readonly [string, 'token' | 'string' | 'reference' | 'date'][]>> = {
  Patient: [
    ['identifier', 'token'],
    ['name', 'string'],
    ['family', 'string'],
    ['given', 'string'],
  ],
  Practitioner: [
    ['identifier', 'token'],
    ['name', 'string'],
  ],
  Organization: [
    ['identifier', 'token'],
    ['name', 'string'],
  ],
  Location: [
    ['identifier', 'token'],
    ['name', 'string'],
  ],
};

const WITHOUT_REST: ReadonlySet<string> = new Set(['Task', 'Bundle', 'Parameters', 'OperationOutcome']);

/** `GET /metadata`: what this server does, and nothing else. */
export function metadataRouter(deps: MetadataDeps): Router {
  const statement = capabilityStatement(deps);
  const router = Router();
  router.get('/metadata', (_req, res) => {
    sendResource(res, 200, statement);
  });
  return router;
}

function capabilityStatement({ baseUrl, version, date }: MetadataDeps): CapabilityStatement {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    instantiates: [`${BULK_DATA}/CapabilityStatement/bulk-data`],
    software: { name: 'Carryover', version },
    implementation: { description: 'Carryover payer-to-payer exchange', url: baseUrl },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        security: {
          service: [
            {
              coding: [
                { system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' },
              ],
            },
          ],
          description: 'SMART Backend Services; endpoints at .well-known/smart-configuration',
        },
        resource: [...[...RESOURCE_TYPES].filter((type) => !WITHOUT_REST.has(type)).map(resourceOf), task],
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
  };
}

function resourceOf(type: string): CapabilityStatementRestResource {
  return {
    // RESOURCE_TYPES are the names that the type spells out.
    type: type as CapabilityStatementRestResource['type'],
    interaction: (['read', 'vread', 'history-instance', 'search-type', 'create', 'update', 'delete'] as const).map(
      (code) => ({ code }),
    ),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    searchParam: [
      { name: '_id', type: 'token' },
      { name: '_lastUpdated', type: 'date' },
      ...(SEARCHES[type] ?? [['patient', 'reference'] as const]).map(([name, kind]) => ({ name, type: kind })),
    ],
    ...(type === 'Patient' && { operation: patientOperations }),
  };
}

const patientOperations: CapabilityStatementRestResource['operation'] = [
  { name: 'member-match', definition: HREX_MATCH },
  { name: 'export', definition: `${BULK_DATA}/OperationDefinition/patient-export` },
  {
    name: 'sdh.s2s.invoke-export',
    definition: 'http://payer-to-payer-exchange/OperationDefinition/invoke-export',
    documentation: 'Begins an exchange with a responding payer; for the operator of this server.',
  },
];

const task: CapabilityStatementRestResource = {
  type: 'Task',
  documentation: 'Mirrors the exchanges of this server; for its operator.',
  interaction: [{ code: 'read' }, { code: 'search-type' }],
  searchParam: [
    { name: '_id', type: 'token' },
    { name: 'status', type: 'token' },
    { name: 'code', type: 'token' },
    { name: 'patient', type: 'reference' },
    { name: '_lastUpdated', type: 'date' },
  ],
};
