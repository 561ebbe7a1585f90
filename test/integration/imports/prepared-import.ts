import { createTestDatabase } from '../../support/environment.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import { DELETED_LINES, EARLIER_MEMBER, LONG_MEMBER, MEMBER_REQUEST } from '../../support/requester/long-record.ts';
import { payerDefinition, writeOwnRecords } from '../../support/requester/requester.ts';
import { exchangeDirectly, untilManifest } from '../../support/requester/steps.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

/** An exchange that has come to its manifest, over an earlier one of the same member, in a database to be copied. */
export interface PreparedImport {
  readonly responder: Responder;
  readonly outside: Outside;
  readonly template: string;
  readonly taskId: string;
  close(): Promise<void>;
}

/** @param besides what else happens in the database before the export is asked for */
export async function prepareImport(
  besides: (requester: DirectRequester, responder: Responder) => Promise<void> = () => Promise.resolve(),
): Promise<PreparedImport> {
  const responder = await startResponder({
    behaviour: {
      kickOff: { requireMatch: false },
      status: { pollsBeforeDone: 0, retryAfter: null },
      manifest: { linesPerFile: 3000 },
      batch: { enabled: true },
    },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  const outside = reachPayers([server]);
  const database = await createTestDatabase();
  const requester = outside.open(database.url);
  await writeOwnRecords(requester.fhir);
  responder.setMember(EARLIER_MEMBER);
  const earlier = await exchangeDirectly(requester, MEMBER_REQUEST);
  if (earlier.status !== 'completed') throw new Error(`the earlier exchange has ${earlier.reason ?? earlier.status}`);
  await besides(requester, responder);
  responder.setMember(LONG_MEMBER);
  responder.set({ manifest: { deletedLines: [...DELETED_LINES] } });
  const taskId = await untilManifest(requester, MEMBER_REQUEST);
  await requester.close();
  return {
    ...{ responder, outside, template: database.name, taskId },
    async close() {
      // First: a connection that an interruption left open ends with it.
      await responder.close();
      await outside.close();
      await database.drop();
    },
  };
}
