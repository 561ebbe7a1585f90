import { heartbeat } from '@temporalio/activity';
import { idOfUrn } from '../../fhir/identifiers.ts';
import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { conditionalOf } from '../../fhir/missing-references.ts';
import { splitLines } from '../../fhir/ndjson.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { LineKey } from '../../store/fhir-store.ts';
import { readKept } from '../../store/kept-content.ts';
import type { RequesterDeps } from './deps.ts';
import type { ReceivedLine } from './import-threads.ts';
import type { ImportThread } from './import-threads.ts';
import { typesOfUrns } from './urn-types.ts';

const LINES_AT_ONCE = 1000;
const BYTES_AT_ONCE = 1024 * 1024;

/**
 * Makes those records anew that point to something which came behind them: in a later file, or because it was fetched. What
 * is still open then is counted. Started again, it goes on where it stood.
 */
export async function settleReferences(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  context: ExchangeContext,
): Promise<void> {
  const { fhir } = deps;
  await findSearched(deps, exchange.id, context);
  let lines = await fhir.settleableLines(exchange.id, LINES_AT_ONCE);
  if (lines.length > 0) {
    const thread = await deps.threads.open(exchange.id, context, fhir);
    try {
      for (; lines.length > 0; lines = await fhir.settleableLines(exchange.id, LINES_AT_ONCE)) {
        await settle(deps, exchange.id, thread, lines);
        heartbeat({ settled: lines.length });
      }
    } finally {
      thread.close();
    }
  }
  await fhir.countOpenTargets(exchange.id);
}

/** Targets named by an identifier or a URN are looked for once more among everything that came. */
async function findSearched({ fhir }: RequesterDeps, exchangeId: string, context: ExchangeContext): Promise<void> {
  const searched = await fhir.searchedTargets(exchangeId);
  const ids = new Set(searched.flatMap(({ url = '' }) => idOfUrn(url) ?? []));
  const types = await typesOfUrns(fhir, exchangeId, context, [...ids]);
  for (const target of searched) {
    const id = idOfUrn(target.url ?? '');
    const type = id === undefined ? undefined : types.get(id);
    const sought = conditionalOf(target.url ?? '');
    const localId =
      id !== undefined && type !== undefined
        ? importedId(context, type, id)
        : sought && (await fhir.broughtByIdentifier(exchangeId, sought.type, sought));
    if (localId === undefined) continue;
    await fhir.foundTarget(exchangeId, target, { type: type ?? target.type, id: localId });
  }
}

async function settle(
  deps: RequesterDeps,
  exchangeId: string,
  thread: ImportThread,
  lines: readonly LineKey[],
): Promise<void> {
  for (const number of new Set(lines.map(({ file }) => file))) {
    const file = await deps.files.get(exchangeId, number);
    const wanted = new Set(lines.filter((each) => each.file === number).map(({ line }) => line));
    const settled = (some: Iterable<number>): LineKey[] => Array.from(some, (line) => ({ file: number, line }));
    for await (const found of linesOf(deps, file, wanted)) {
      const { rows, release } = await thread.prepare(file, found);
      const numbers = found.map((line) => line.number);
      await deps.fhir.restage(exchangeId, rows, settled(numbers));
      release();
      for (const line of numbers) wanted.delete(line);
    }
    // A file that was written anew holds them no more.
    if (wanted.size > 0) await deps.fhir.restage(exchangeId, [], settled(wanted));
  }
}

/**
 * Lines by their number in the file as received, some at a time: what was cut out of the kept one has numbers all the
 * same.
 */
async function* linesOf(
  { blobs, fhir, settings }: RequesterDeps,
  file: ExchangeFile,
  wanted: ReadonlySet<number>,
): AsyncGenerator<readonly ReceivedLine[]> {
  const refused = await fhir.refusedLines(file.exchangeId, settings.maxRefusedLines + 1);
  const cut = new Set(
    refused.filter((each) => each.file === file.number && each.reason === 'foreign-member').map(({ line }) => line),
  );
  const last = Math.max(...wanted);
  let found: ReceivedLine[] = [];
  let bytes = 0;
  let number = 0;
  for await (const line of splitLines(readKept(blobs, file), settings)) {
    do number += 1;
    while (cut.has(number));
    if (wanted.has(number)) {
      // Copied: a line would keep the whole piece of the file in memory that it lies in.
      found.push({ number, bytes: Uint8Array.from(line.bytes), tooLong: line.tooLong });
      bytes += line.bytes.length;
    }
    if (bytes >= BYTES_AT_ONCE) {
      yield found;
      [found, bytes] = [[], 0];
    }
    if (number >= last) break;
  }
  if (found.length > 0) yield found;
}
