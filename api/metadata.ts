import { Router } from 'express';
import type { CapabilityStatement, CapabilityStatementRest } from 'fhir/r4.js';
import { operationsOf } from './capability-operations.ts';
import { capabilityResources } from './capability-resources.ts';
import { REST_ROUTES } from './fhir-rest/routes.ts';
import { sendResource } from './outcome.ts';
import { routesOfRouters } from './route-walk.ts';
import type { ServedRoute } from './route-walk.ts';

export interface MetadataDeps {
  /** `PUBLIC_URL/fhir`. */
  readonly baseUrl: string;
  readonly version: string;
  /** When this program began to say so. */
  readonly date: string;
  /** What is served: the statement says what their routes do, and nothing else. */
  readonly routers: readonly Router[];
}

const BULK_DATA = 'http://hl7.org/fhir/uv/bulkdata';
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';
const HREX = 'http://hl7.org/fhir/us/davinci-hrex';

/** `GET /metadata`: what this server does, and nothing else. */
export function metadataRouter(deps: MetadataDeps): Router {
  const statement = capabilityStatement(deps);
  const router = Router();
  router.get('/metadata', (_req, res) => {
    sendResource(res, 200, statement);
  });
  return router;
}

function capabilityStatement({ baseUrl, version, date, routers }: MetadataDeps): CapabilityStatement {
  const routes = routesOfRouters(routers);
  return {
    resourceType: 'CapabilityStatement',
    ...{ status: 'active', date, kind: 'instance', fhirVersion: '4.0.1' },
    instantiates: instantiated(routes),
    software: { name: 'Carryover', version },
    implementation: { description: 'Carryover payer-to-payer exchange', url: baseUrl },
    format: ['application/fhir+json', 'json'],
    // The editions that the answers follow.
    implementationGuide: [
      `${PDEX}/ImplementationGuide/hl7.fhir.us.davinci-pdex|2.2.0`,
      `${HREX}/ImplementationGuide/hl7.fhir.us.davinci-hrex|1.2.0`,
      `${BULK_DATA}/ImplementationGuide/hl7.fhir.uv.bulkdata|2.0.0`,
    ],
    rest: [responding(routes), requesting()],
  };
}

/** Statements of the guides that are met whole. */
function instantiated(routes: readonly ServedRoute[]): string[] {
  const paths = new Set(routes.map(({ path }) => path));
  const isPayerAccess = paths.has('/Group/$bulk-member-match') && paths.has('/Group/:id/$davinci-data-export');
  return [
    `${BULK_DATA}/CapabilityStatement/bulk-data`,
    ...(isPayerAccess ? [`${PDEX}/CapabilityStatement/pdex-payer-access-server`] : []),
  ];
}

function responding(routes: readonly ServedRoute[]): CapabilityStatementRest {
  const system = operationsOf(routes).flatMap(({ type, operation }) => (type === undefined ? [operation] : []));
  const interactions = REST_ROUTES.flatMap(({ path, interactions: codes }) => (path === '/' ? codes : []));
  return {
    mode: 'server',
    documentation:
      'Responding payer: partners read, search and export the members whom they have matched, as far as the consent goes. Requesting payer: its operator begins exchanges and follows their Tasks. Writes are for the operator.',
    security: {
      cors: false,
      service: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }],
        },
      ],
      description: 'SMART Backend Services; endpoints at .well-known/smart-configuration',
    },
    resource: [...capabilityResources(routes)],
    interaction: interactions.map((code) => ({ code: code as 'transaction' | 'batch' })),
    ...(system.length > 0 && { operation: system }),
  };
}

/** What this server asks of a responding payer, as its client. */
function requesting(): CapabilityStatementRest {
  return {
    mode: 'client',
    documentation:
      'Requesting payer: asks a responding payer for the records of one member, in the first of these ways that it has.',
    resource: [
      {
        type: 'Patient',
        interaction: [{ code: 'read' }, { code: 'search-type' }],
        operation: [
          { name: 'member-match', definition: `${HREX}/OperationDefinition/member-match` },
          { name: 'export', definition: `${BULK_DATA}/OperationDefinition/patient-export` },
          { name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' },
        ],
      },
      {
        type: 'Group',
        interaction: [{ code: 'search-type' }],
        operation: [{ name: 'export', definition: `${BULK_DATA}/OperationDefinition/group-export` }],
      },
    ],
  };
}
