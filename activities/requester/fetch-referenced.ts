import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { importedId, referenceTargets } from '../../fhir/import-references.ts';
import { compactJson } from '../../fhir/json-compact.ts';
import { decodeUtf8, splitLines } from '../../fhir/ndjson.ts';
import { attachmentLine, conditionalOf, mayFetch, readBatch } from '../../fhir/missing-references.ts';
import { readBatchAnswer, readBundlePage } from '../../fhir/bundle-page.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import { transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { MissingTarget } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { currentCapabilities } from './export-choice.ts';
import { exchangeContext } from './import-context.ts';
import { assertAppended } from './overlap.ts';

/** What was fetched may point further: an Organization behind a role behind a claim. */
const MOST_ROUNDS = 4;
const BATCH_SIZE = 50;
const MOST_ATTACHMENT_BYTES = 16 * 1024 * 1024;

interface Fetching {
  readonly deps: RequesterDeps;
  readonly client: PeerClient;
  readonly exchange: ExchangeRecord;
  readonly context: ExchangeContext;
  readonly file: number;
  readonly batch: boolean;
  /** `Type/id` of the lines that are in the file. */
  readonly brought: Set<string>;
}

/**
 * Reads what the imported records point to and nobody delivered, into one file more; answers how many files it made. A
 * resource that the payer does not give stays what it is without it: a logical reference that is reported.
 */
export function fetchReferenced(deps: RequesterDeps) {
  return async (taskId: string): Promise<number> => {
    const { exchanges, files, fhir, settings } = deps;
    const exchange = await exchanges.load(taskId);
    const listed = await files.list(taskId);
    const own = listed.find(({ url }) => url === FETCHED);
    if (own?.received === true) return 1;
    const file = own?.number ?? listed.length;
    const accepts = mayFetch(exchange.request.exportEntries);
    const limit = settings.maxFetchedReferences - (await fhir.triedTargets(taskId));
    const missing = limit > 0 ? await fhir.missingTargets(taskId, { accepts, limit }) : [];
    if (missing.length === 0 && own === undefined) return 0;
    const payer = await deps.payer(exchange);
    const client = deps.peer(payer, cancellationSignal());
    const capabilities = await currentCapabilities(deps.knowledge, client, payer, await deps.knowledge.load(payer));
    const context = await exchangeContext(deps, exchange);
    const batch = capabilities?.batch === true;
    const fetching = { deps, client, exchange, context, file, batch, brought: new Set<string>() };
    const further = own === undefined ? [] : await takeUp(fetching);
    await fetchAll(fetching, [...missing, ...further]);
    const bytes = await deps.blobs.size(transferBlob(taskId, file));
    if (bytes === 0) return 0;
    await files.change(taskId, file, { received: true });
    return 1;
  };
}

/** Stands in the place of the URL of the file that holds what was fetched. */
const FETCHED = 'fetched';

/** What the lines that came point to is fetched as well, within the same bound. */
async function fetchAll(fetching: Fetching, missing: readonly MissingTarget[]): Promise<void> {
  const { deps } = fetching;
  let left = deps.settings.maxFetchedReferences;
  let next = missing;
  const asked = new Set(fetching.brought);
  for (let round = 0; round < MOST_ROUNDS && next.length > 0 && left > 0; round++) {
    const now = next.filter((each) => !asked.has(nameOf(each))).slice(0, left);
    left -= now.length;
    for (const each of now) asked.add(nameOf(each));
    const lines: string[] = [];
    for (let at = 0; at < now.length; at += BATCH_SIZE) {
      lines.push(...(await fetchSome(fetching, now.slice(at, at + BATCH_SIZE))));
    }
    next = await notKnown(
      fetching,
      lines.flatMap((line) => pointedTo(fetching, line)),
    );
  }
}

/** A try before this one was ended: its lines stay, and what they point to may not have been asked for. */
async function takeUp(fetching: Fetching): Promise<readonly MissingTarget[]> {
  const { deps, exchange, file, brought } = fetching;
  const further: MissingTarget[] = [];
  for await (const { bytes } of splitLines(deps.blobs.read(transferBlob(exchange.id, file)), OF_OURS)) {
    const line = decodeUtf8(bytes) ?? '';
    brought.add(keyOfLine(line));
    further.push(...pointedTo(fetching, line));
  }
  return notKnown(fetching, further);
}

/** What we wrote line by line has no line that is too long. */
const OF_OURS = { maxLineBytes: Infinity };

async function notKnown(
  { deps, exchange }: Fetching,
  targets: readonly MissingTarget[],
): Promise<readonly MissingTarget[]> {
  const keys = targets.flatMap(({ type, localId }) => (localId === undefined ? [] : [{ type, id: localId }]));
  const known = await deps.fhir.known(exchange.id, keys);
  return targets.filter(({ type, localId }) => localId === undefined || !known.has(`${type}/${localId}`));
}

function keyOfLine(line: string): string {
  const { resourceType, id } = JSON.parse(line) as { readonly resourceType?: unknown; readonly id?: unknown };
  return `${String(resourceType)}/${String(id)}`;
}

const nameOf = ({ type, originalId }: MissingTarget): string => `${type}/${originalId}`;

function pointedTo({ context, exchange }: Fetching, line: string): readonly MissingTarget[] {
  const accepts = mayFetch(exchange.request.exportEntries);
  const { literals } = referenceTargets(line, context.peerBase);
  return literals
    .filter(({ type }) => accepts(type))
    .map(({ type, originalId }) => ({ type, originalId, localId: importedId(context, type, originalId) }));
}

/** Lines first, then the mark: what a kill repeats is asked for twice, and comes into the file once. */
async function fetchSome(fetching: Fetching, some: readonly MissingTarget[]): Promise<readonly string[]> {
  const { deps, exchange, file, brought } = fetching;
  const lines: string[] = [];
  for (const line of await readAll(fetching, some)) {
    if (line === undefined || brought.has(keyOfLine(line))) continue;
    brought.add(keyOfLine(line));
    lines.push(line);
  }
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
  }
  await deps.fhir.markTried(exchange.id, some);
  heartbeat({ fetched: some.length });
  return lines;
}

async function readAll(fetching: Fetching, some: readonly MissingTarget[]): Promise<readonly (string | undefined)[]> {
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
  resources: readonly MissingTarget[],
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
  { url = '', contentType, type }: MissingTarget,
): Promise<string | undefined> {
  if (conditionalOf(url) !== undefined) {
    const { records } = readBundlePage((await client.page(url)).text);
    const found = records.filter((record) => record.type === type);
    return found.length === 1 ? found[0]?.line : undefined;
  }
  const attachment = await client.attachment({ url, contentType, limit: MOST_ATTACHMENT_BYTES });
  return attachmentLine(url, contentType ?? attachment.contentType, attachment.bytes);
}
