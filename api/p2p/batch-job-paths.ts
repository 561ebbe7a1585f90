import { COMMON_ERRORS } from './definition-paths.ts';
import type { Json } from './part.ts';

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ 'application/json': { schema } });
const answer = (description: string, name: string): Json => ({ description, content: json(ref(name)) });
const parameter = (name: string, description: string): Json => ({
  ...{ name, in: 'path', required: true, description, schema: { type: 'integer', minimum: 1 } },
});
const tags = ['/api/oidc_servers/{id}/batch_job'];

/** OpenAPI path items of batch jobs. */
export const BATCH_JOB_PATHS: Readonly<Record<string, Json>> = {
  '/api/oidc_servers/{id}/batch_job': {
    parameters: [parameter('id', 'pid of the payer')],
    post: {
      ...{ operationId: 'createBatchJob', tags },
      summary: "Bring a member's records from this payer; the same request while it runs answers the same job",
      requestBody: { required: true, content: json(ref('BatchJobInput')) },
      responses: {
        '200': answer('The job', 'BatchJob'),
        '400': answer('A field is wrong: `error.field` names it', 'Error'),
        '404': answer('There is no payer of this id', 'Error'),
        '422': answer('The patient or an Organization is not in the store', 'Error'),
        ...COMMON_ERRORS,
      },
    },
  },
  '/api/oidc_servers/{id}/batch_job/{batch_job_id}': {
    parameters: [parameter('id', 'pid of the payer'), parameter('batch_job_id', 'batchJobId')],
    get: {
      ...{ operationId: 'readBatchJob', tags },
      summary: 'How far it is',
      responses: {
        '200': answer('The job', 'BatchJob'),
        '404': answer('This payer has no job of this id', 'Error'),
        ...COMMON_ERRORS,
      },
    },
  },
};
