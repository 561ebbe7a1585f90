import { Router } from 'express';
import { payerKnowledgeSchema } from '../../store/payer-knowledge.ts';
import type { PayerKnowledgeStore } from '../../store/payer-knowledge.ts';
import type { OidcServers } from '../../store/partners.ts';
import { COMMON_ERRORS } from './definition-paths.ts';
import { jsonSchema } from './definition-part.ts';
import type { P2pPart } from './part.ts';
import { pidOf } from './pid.ts';

/** `/api/oidc_servers/{id}/preflight`: what exchanges have taught of a responding payer. */
export function preflightPart(servers: OidcServers, knowledge: PayerKnowledgeStore): P2pPart {
  const router = Router();
  router.get('/api/oidc_servers/:pid/preflight', async (req, res) => {
    res.json(await knowledge.load(await servers.read(pidOf(req))));
  });
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Preflight' } } };
  const pid = { name: 'id', in: 'path', required: true, description: 'pid', schema: { type: 'integer', minimum: 1 } };
  return {
    router,
    paths: {
      '/api/oidc_servers/{id}/preflight': {
        parameters: [pid],
        get: {
          ...{ operationId: 'readPreflight', tags: ['/api/oidc_servers'] },
          summary: 'What exchanges have taught of this payer: its capabilities, the form that worked, what it refused',
          responses: {
            '200': { description: 'What is known; empty before the first exchange', content },
            '404': {
              description: 'There is none of this id',
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
            },
            ...COMMON_ERRORS,
          },
        },
      },
    },
    schemas: { Preflight: jsonSchema(payerKnowledgeSchema, 'output') },
  };
}
