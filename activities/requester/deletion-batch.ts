import { readDeletedLine } from '../../fhir/deleted-entries.ts';
import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { decodeUtf8 } from '../../fhir/ndjson.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { RefusedLine, ResourceKey } from '../../store/fhir-store.ts';
import type { ReceivedLine } from './import-threads.ts';

export interface PreparedDeletions {
  readonly targets: readonly ResourceKey[];
  readonly refused: readonly RefusedLine[];
  /** The payer says that the member's own Patient is deleted. */
  readonly namesMember: boolean;
}

/** Lines of a file of deletions, with the local ids of what they name. */
export function deletionsOf(
  context: ExchangeContext,
  file: ExchangeFile,
  lines: readonly ReceivedLine[],
): PreparedDeletions {
  const targets: ResourceKey[] = [];
  const refused: RefusedLine[] = [];
  const refuse = (line: number, reason: RefusalReason): void => {
    refused.push({ file: file.number, line, reason, type: 'Bundle' });
  };
  let namesMember = false;
  for (const { number, bytes, tooLong } of lines) {
    if (tooLong) refuse(number, 'too-long');
    if (tooLong || bytes.length === 0) continue;
    const text = decodeUtf8(bytes);
    const read = text === undefined ? undefined : readDeletedLine(text, context.peerBase);
    if (read === undefined) refuse(number, 'malformed-json');
    else if (read.kind === 'refused') refuse(number, read.reason);
    else {
      for (const { type, originalId } of read.entries) {
        targets.push({ type, id: importedId(context, type, originalId) });
        namesMember ||= type === 'Patient' && originalId === context.memberId;
      }
    }
  }
  return { targets, refused, namesMember };
}
