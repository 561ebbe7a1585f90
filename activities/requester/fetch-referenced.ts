import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { inPatientCompartment } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { importedId } from '../../fhir/import-references.ts';
import { compactJson } from '../../fhir/json-compact.ts';
import { attachmentLine, conditionalOf, mayFetch, readBatch } from '../../fhir/missing-references.ts';
import { readBatchAnswer, readBundlePage } from '../../fhir/bundle-page.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import { transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey } from '../../store/fhir-store.ts';
import type { WantedReference } from '../../store/wanted-references.ts';
import type { RequesterDeps } from './deps.ts';
import { currentCapabilities } from './export-choice.ts';
import { exchangeContext } from './import-context.ts';
import { assertAppended } from './overlap.ts';
import { notingWanted } from './wanted.ts';

/** What was fetched may point further: an Organization behind a role behind a claim. */
const MOST_ROUNDS = 4;
const BATCH_SIZE = 50;
const MOST_ATTACHMENT_BYTES = 16 * 1024 * 1024;

interface Fetching {
  readonly deps: RequesterDeps;
  readonly client: PeerClient;
  readonly exchange: ExchangeRecord;
  readonly file: number;
  readonly batch: boolean;
}

/**
 * Reads what the delivered records point to and nobody delivered, into one file more; answers how many files it made. A
 * resource that the payer does not give stays what it is without it: a logical reference that is reported.
 */
export function fetchReferenced(deps: RequesterDeps) {
  return async (taskId: string): Promise<number> => {
    const { exchanges, files, wanted, settings } = deps;
    const exchange = await exchanges.load(taskId);
    const payer = await deps.payer(exchange.payerPid);
    const client = deps.peer(payer, cancellationSignal());
    const listed = await files.list(taskId);
    const own = listed.find(({ url }) => url === FETCHED);
    if (own?.downloaded === true) return 1;
    const file = own?.number ?? listed.length;
    const known = await deps.knowledge.load(payer);
    const capabilities = await currentCapabilities(deps.knowledge, client, payer, known);
    const fetching: Fetching = { deps, client, exchange, file, batch: capabilities?.batch === true };
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const left = settings.maxFetchedReferences - (await wanted.tried(taskId));
      const missing = await withoutKnown(fetching, await wanted.missing(taskId, Math.max(left, 0)));
      if (missing.length === 0) break;
      for (let at = 0; at < missing.length; at += BATCH_SIZE) {
        await fetchSome(fetching, missing.slice(at, at + BATCH_SIZE));
      }
    }
    const bytes = await deps.blobs.size(transferBlob(taskId, file));
    if (bytes === 0) return 0;
    await files.change(taskId, file, { received: true });
    return 1;
  };
}

/** Stands in the place of the URL of the file that holds what was fetched. */
const FETCHED = 'fetched';

/**
 * Without what need not come again: of the member's own record, what an earlier exchange with this payer brought; and what
 * a search would find among what is delivered.
 */
async function withoutKnown(
  { deps, exchange }: Fetching,
  missing: readonly WantedReference[],
): Promise<readonly WantedReference[]> {
  if (missing.length === 0) return [];
  const context = await exchangeContext(deps, exchange);
  const keyOfWanted = ({ type, originalId }: WantedReference): ResourceKey => ({
    type,
    id: importedId(context, type, originalId),
  });
  const visible = await deps.fhir.visible(missing.filter(({ type }) => inPatientCompartment(type)).map(keyOfWanted));
  const unknown: WantedReference[] = [];
  const known: WantedReference[] = [];
  for (const wanted of missing) {
    const sought = wanted.url === undefined ? undefined : conditionalOf(wanted.url);
    const isDelivered =
      sought !== undefined && (await deps.fhir.deliveredByIdentifier(exchange.id, sought.type, sought)) !== undefined;
    (isDelivered || visible.has(keyOf(keyOfWanted(wanted))) ? known : unknown).push(wanted);
  }
  if (known.length > 0) await deps.wanted.markTried(exchange.id, known);
  return unknown;
}

/** Lines first, then the mark: what a kill repeats is asked for twice, and its equal lines count once. */
async function fetchSome(fetching: Fetching, some: readonly WantedReference[]): Promise<void> {
  const { deps, exchange, file } = fetching;
  const lines = (await readAll(fetching, some)).filter((line) => line !== undefined);
  if (lines.length > 0) {
    await deps.files.add(exchange.id, file, {
      list: 'output',
      type: undefined,
      url: FETCHED,
      announcedCount: undefined,
    });
    const blob = transferBlob(exchange.id, file);
    const size = await deps.blobs.size(blob);
    const bytes = Buffer.from(`${lines.join('\n')}\n`, 'utf8');
    assertAppended(await deps.blobs.append(blob, size, bytes), size + bytes.length);
    await noteFurther(fetching, lines);
  }
  await deps.wanted.markTried(exchange.id, some);
  heartbeat({ fetched: some.length });
}

async function noteFurther({ deps, exchange }: Fetching, lines: readonly string[]): Promise<void> {
  const { fhirEndpoint: peerBase } = await deps.payer(exchange.payerPid);
  const noting = notingWanted(deps.wanted, exchange.id, {
    peerBase,
    mayFetch: mayFetch(exchange.request.exportEntries),
  });
  for (const line of lines) noting.note(line);
  await noting.flush(true);
}

async function readAll(fetching: Fetching, some: readonly WantedReference[]): Promise<readonly (string | undefined)[]> {
  const elsewhere = some.filter(({ url }) => url !== undefined);
  const resources = some.filter(({ url }) => url === undefined);
  const lines: (string | undefined)[] = [];
  for (const wanted of elsewhere) lines.push(await given(() => readElsewhere(fetching, wanted)));
  const batched =
    fetching.batch && resources.length > 1 ? await given(() => readInBatch(fetching, resources)) : undefined;
  if (batched !== undefined) return [...lines, ...batched];
  for (const { type, originalId } of resources) {
    lines.push(await given(async () => compactJson(await fetching.client.read(type, originalId))));
  }
  return lines;
}

/** Undefined where the payer does not give it; what may pass is thrown, and the step is tried again. */
async function given<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ExchangeError && error.entry.retry === 'never') return undefined;
    throw error;
  }
}

async function readInBatch(
  { client }: Fetching,
  resources: readonly WantedReference[],
): Promise<readonly (string | undefined)[]> {
  const answers = readBatchAnswer(await client.batch(readBatch(resources)));
  // Only what was asked for, under its own name: an OperationOutcome is no answer, nor is another resource.
  return resources.map(({ type, originalId }, index) => {
    const answer = answers[index];
    return answer !== undefined && isResource(answer, type, originalId) ? answer : undefined;
  });
}

function isResource(text: string, type: string, id: string): boolean {
  const value: unknown = JSON.parse(text);
  const isObject = typeof value === 'object' && value !== null;
  return isObject && 'resourceType' in value && value.resourceType === type && 'id' in value && value.id === id;
}

/** By a search, one result alone counts; else the bytes of an attachment. */
async function readElsewhere(
  { client }: Fetching,
  { url = '', contentType, type }: WantedReference,
): Promise<string | undefined> {
  if (conditionalOf(url) !== undefined) {
    const { records } = readBundlePage((await client.page(url)).text);
    const found = records.filter((record) => record.type === type);
    return found.length === 1 ? found[0]?.line : undefined;
  }
  const attachment = await client.attachment({ url, contentType, limit: MOST_ATTACHMENT_BYTES });
  return attachmentLine(url, contentType ?? attachment.contentType, attachment.bytes);
}
