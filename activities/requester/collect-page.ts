import { heartbeat } from '@temporalio/activity';
import { absoluteUrl } from '../../fhir/bulk-data.ts';
import { readBundlePage } from '../../fhir/bundle-page.ts';
import type { BundlePage } from '../../fhir/bundle-page.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { PeerError } from '../../peer/peer-error.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import type { Page } from '../../peer/pages.ts';
import type { CollectionState } from '../../store/collection.ts';
import { transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { RequesterDeps } from './deps.ts';
import { assertAppended } from './overlap.ts';

const MOST_PAGES = 50_000;
const MOST_RESTARTS = 3;

/**
 * Reads the next page of a synchronous export into the files of its types, one line a record, as an export would have
 * delivered them. Position and lines are saved page by page: what a kill leaves behind the position is cut off again.
 * @throws PeerError where the payer does not answer requests of this form
 */
export async function readPage(
  deps: RequesterDeps,
  client: PeerClient,
  exchange: ExchangeRecord,
  state: CollectionState,
): Promise<CollectionState> {
  const request = state.requests[state.request] ?? '';
  const url = state.next ?? request;
  let page: Page;
  try {
    page = await client.page(url);
  } catch (error) {
    const after = afterRefusal(error, exchange, state);
    if (after === undefined) throw error;
    if (after.request > state.request) await warnOfRefusedSearch(deps, exchange, request);
    await cutBack(deps, exchange.id, after);
    return save(deps, exchange, after);
  }
  const read = readBundlePage(page.text);
  if (state.pages === 0) await keepTime(deps, exchange, read.lastUpdated ?? page.answeredAt);
  const files = await appendLines(deps, exchange, state, read, page.url);
  heartbeat({ pages: state.pages + 1 });
  return save(deps, exchange, nextState({ ...state, files, pages: state.pages + 1 }, read.next, page.url));
}

/** Brings the transfer blobs to where the state says that they end. */
export async function cutBack({ blobs }: RequesterDeps, exchangeId: string, { files }: CollectionState): Promise<void> {
  for (const { number, bytes } of Object.values(files)) await blobs.truncate(transferBlob(exchangeId, number), bytes);
}

async function save(
  { exchanges }: RequesterDeps,
  { id }: ExchangeRecord,
  state: CollectionState,
): Promise<CollectionState> {
  await exchanges.change(id, { collection: state });
  return state;
}

/** Links live for a while: a page that is gone begins its request anew. A type whose search is refused is passed over. */
function afterRefusal(
  error: unknown,
  { kickOffForm }: ExchangeRecord,
  state: CollectionState,
): CollectionState | undefined {
  if (!(error instanceof PeerError) || (error.entry.retry !== 'never' && error.status !== 501)) return undefined;
  const isLost = state.next !== undefined && (error.status === 404 || error.status === 410);
  if (isLost && state.restarts < MOST_RESTARTS) {
    const { next: _lost, ...rest } = state;
    const files = Object.entries(state.files).map(([type, at]) => [type, { ...at, bytes: at.bytesBefore }] as const);
    return { ...rest, restarts: state.restarts + 1, files: Object.fromEntries(files) };
  }
  const isOneOfMany = kickOffForm === 'search' && state.next === undefined && state.pages > 0;
  return isOneOfMany ? { ...state, request: state.request + 1 } : undefined;
}

async function warnOfRefusedSearch(
  { exchanges }: RequesterDeps,
  { id }: ExchangeRecord,
  request: string,
): Promise<void> {
  const type = request.split('?', 1)[0] ?? '';
  await exchanges.addWarning(id, {
    code: 'search-refused',
    text: `The responding payer refused the search for ${type}; what it has of that type did not arrive.`,
  });
}

async function keepTime(
  { exchanges }: RequesterDeps,
  { id }: ExchangeRecord,
  instant: string | undefined,
): Promise<void> {
  if (instant !== undefined) await exchanges.change(id, { transactionTime: instant });
}

async function appendLines(
  { blobs, files }: RequesterDeps,
  { id }: ExchangeRecord,
  state: CollectionState,
  { records, outcomes }: BundlePage,
  url: string,
): Promise<CollectionState['files']> {
  const byType = new Map<string, string[]>();
  for (const { type, line } of records) {
    const name = isResourceType(type) ? type : 'Resource';
    byType.set(name, [...(byType.get(name) ?? []), line]);
  }
  if (outcomes.length > 0) byType.set('OperationOutcome', [...outcomes]);
  const positions = { ...state.files };
  for (const [type, lines] of byType) {
    const at = positions[type] ?? { number: Object.keys(positions).length, bytes: 0, bytesBefore: 0 };
    const list = type === 'OperationOutcome' ? 'error' : 'output';
    const named = type === 'Resource' ? undefined : type;
    await files.add(id, at.number, { list, type: named, url, announcedCount: undefined });
    const bytes = Buffer.from(`${lines.join('\n')}\n`, 'utf8');
    const blob = transferBlob(id, at.number);
    if (at.bytes === 0) await blobs.truncate(blob);
    assertAppended(await blobs.append(blob, at.bytes, bytes), at.bytes + bytes.length);
    positions[type] = { ...at, bytes: at.bytes + bytes.length };
  }
  return positions;
}

function nextState(state: CollectionState, next: string | undefined, base: string): CollectionState {
  if (next !== undefined) {
    const url = absoluteUrl(next, base);
    if (url === state.next || state.pages > MOST_PAGES) {
      throw new ExchangeError('peer-invalid', { detail: 'the pages of an answer do not end' });
    }
    return { ...state, next: url };
  }
  const { next: _done, ...rest } = state;
  const files = Object.entries(state.files).map(([type, at]) => [type, { ...at, bytesBefore: at.bytes }] as const);
  return { ...rest, request: state.request + 1, restarts: 0, files: Object.fromEntries(files) };
}
