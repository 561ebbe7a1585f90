import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { Client } from 'pg';
import { createTestDatabase, testTemporal } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';

describe('the test environment', () => {
  const databases: TestDatabase[] = [];
  beforeAll(async () => {
    databases.push(await createTestDatabase(), await createTestDatabase());
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.drop()));
  });

  it('gives every caller a migrated database of its own', async () => {
    const clients = databases.map(({ url }) => new Client({ connectionString: url }));
    await Promise.all(clients.map((client) => client.connect()));
    try {
      const [first, second] = clients;
      await first?.query("INSERT INTO slot (exchange_id, payer_pid, local_patient_id) VALUES ('one', 1, 'p')");
      const found = await second?.query('SELECT exchange_id FROM slot');
      expect(found?.rows).toEqual([]);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });

  it('has a Temporal server whose namespace answers', async () => {
    const { address, namespace } = testTemporal();
    const connection = await Connection.connect({ address });
    try {
      const answer = await connection.workflowService.describeNamespace({ namespace });
      expect(answer.namespaceInfo?.name).toBe(namespace);
    } finally {
      await connection.close();
    }
  });
});
