import { cancellationSignal } from '@temporalio/activity';
import { isSynchronous, parameterNames, readKickOffRefusal } from '../../fhir/export-form.ts';
import type { ExportForm, KickOffRefusal } from '../../fhir/export-form.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import { outcomeText, readPeerOutcome } from '../../fhir/peer-outcome.ts';
import { synchronousRequests } from '../../fhir/synchronous-export.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import { PeerError } from '../../peer/peer-error.ts';
import type { Token } from '../../peer/token.ts';
import { newCollection } from '../../store/collection.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import { readPage } from './collect-page.ts';
import type { RequesterDeps } from './deps.ts';
import { exportChoice } from './export-choice.ts';
import type { ExportChoice } from './export-choice.ts';
import { memberByIdentifier } from './match-member.ts';

export interface StartedExport {
  /** The payer answers with records at once: there is no status to poll. */
  readonly synchronous: boolean;
}

const REPEATED = {
  code: 'kick-off-repeated',
  text: 'The answer to a kick-off was lost; the export was kicked off again, and the payer may have run it twice.',
};

interface Attempt {
  readonly deps: RequesterDeps;
  readonly exchange: ExchangeRecord;
  readonly payer: OidcServer;
  readonly client: PeerClient;
  readonly token: Token;
  readonly patientId: string;
  readonly choice: ExportChoice;
}

/**
 * Asks for the records, once, in the first form that the payer has: a status URL that is known already is the one that
 * is polled, and pages that have been begun are gone on with.
 */
export function startExport(deps: RequesterDeps) {
  return async (taskId: string): Promise<StartedExport> => {
    const { exchanges, tokens } = deps;
    const exchange = await exchanges.load(taskId);
    if (exchange.statusUrl !== undefined) return { synchronous: false };
    if (exchange.collection !== undefined) return { synchronous: true };
    const payer = await deps.payer(exchange);
    const client = deps.peer(payer, cancellationSignal());
    const patientId =
      exchange.memberPatientId ?? (await memberByIdentifier(deps, payer, client, exchange.request.member?.identifier));
    const token = await tokens.get(payer, cancellationSignal());
    const entries = exchange.request.exportEntries;
    const { asked } = exchange.request;
    const choice = await exportChoice(deps, client, payer, { patientId, entries, token, asked });
    if (exchange.kickOffIntent) await exchanges.addWarning(taskId, REPEATED);
    await exchanges.change(taskId, { memberPatientId: patientId });
    const form = await firstAccepted({ deps, exchange, payer, client, token, patientId, choice });
    return { synchronous: isSynchronous(form) };
  };
}

/** @throws ExchangeError the first refusal, where the payer has none of the forms */
async function firstAccepted(attempt: Attempt): Promise<ExportForm> {
  const { deps, payer, choice } = attempt;
  let refusal: PeerError | undefined;
  for (const form of choice.forms) {
    const refused = await tryForm(attempt, form, attempt.choice.known.leftOut ?? []);
    if (refused === undefined) return form;
    if (refused === 'none') continue;
    refusal ??= refused;
    if (attempt.exchange.request.asked !== undefined) continue;
    const at = new Date().toISOString();
    const known = (await deps.knowledge.load(payer)).refusedForms ?? {};
    await deps.knowledge.learn(payer, { refusedForms: { ...known, [form]: { status: refused.status, at } } });
  }
  if (refusal?.code === 'export-refused') throw refusal;
  throw new ExchangeError('export-refused', { detail: 'the payer has no form of export that this request can use' });
}

/** Undefined where the payer has begun; the refusal where it does not have the form; `none` where it has nothing to ask. */
async function tryForm(
  attempt: Attempt,
  form: ExportForm,
  leftOut: readonly string[],
): Promise<PeerError | 'none' | undefined> {
  const { deps, exchange, payer } = attempt;
  const { exportEntries } = exchange.request;
  const entries = without(exportEntries, leftOut);
  try {
    const begun =
      form === 'everything' || form === 'search'
        ? await beginPages(attempt, form, entries)
        : await kickOff(attempt, form, entries);
    if (!begun) return 'none';
    if (entries.length < exportEntries.length) await warnOfLeftOut(attempt, leftOut);
    return undefined;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    // The payer has answered, and started nothing.
    await deps.exchanges.change(exchange.id, { kickOffIntent: false });
    const verdict = refusalOf(error, parameterNames(entries));
    if (verdict.kind === 'final') throw error;
    if (verdict.kind === 'other-form') return error;
    const all = [...new Set([...leftOut, ...verdict.parameters])];
    await deps.knowledge.learn(payer, { leftOut: all });
    return tryForm(attempt, form, all);
  }
}

function refusalOf({ status, outcome, entry }: PeerError, sent: readonly string[]): KickOffRefusal {
  const issues = (outcome === undefined ? undefined : readPeerOutcome(outcome)) ?? [];
  const verdict = readKickOffRefusal(
    { status, words: outcomeText(issues), issues: issues.map(({ code }) => code) },
    sent,
  );
  // What may pass is no word about the form, whatever the text says.
  const mayPass = entry.retry !== 'never' && ![404, 405, 501].includes(status);
  return mayPass ? { kind: 'final' } : verdict;
}

async function kickOff(
  { deps: { exchanges }, exchange, client, patientId }: Attempt,
  form: Exclude<ExportForm, 'everything' | 'search'>,
  entries: readonly string[],
): Promise<boolean> {
  const groupId =
    form === 'group' ? (exchange.request.asked?.groupId ?? (await groupOf(client, patientId))) : undefined;
  if (form === 'group' && groupId === undefined) return false;
  const kickedOffAt = new Date().toISOString();
  await exchanges.change(exchange.id, { kickOffIntent: true, kickOffForm: form, kickedOffAt });
  const { statusUrl } = await client.startExport({
    form,
    patientId,
    entries,
    ...(groupId !== undefined && { groupId }),
  });
  await exchanges.change(exchange.id, { statusUrl, kickOffIntent: false });
  return true;
}

/** A payer that does not let us look for Groups has none for us. */
async function groupOf(client: PeerClient, patientId: string): Promise<string | undefined> {
  try {
    return await client.groupOfOne(patientId);
  } catch (error) {
    if (error instanceof ExchangeError && error.entry.retry === 'never') return undefined;
    throw error;
  }
}

async function beginPages(
  { deps, exchange, client, token, patientId, choice }: Attempt,
  form: 'everything' | 'search',
  entries: readonly string[],
): Promise<boolean> {
  const { capabilities } = choice;
  const { asked } = exchange.request;
  const requests =
    asked?.get === undefined
      ? synchronousRequests({ form, patientId, entries, capabilities, scope: token.scope })
      : [asked.get];
  if (requests.length === 0) return false;
  await deps.exchanges.change(exchange.id, { kickOffForm: form, kickedOffAt: new Date().toISOString() });
  await readPage(deps, client, { ...exchange, kickOffForm: form }, newCollection(requests));
  return true;
}

function without(entries: readonly string[], names: readonly string[]): readonly string[] {
  return names.length === 0
    ? entries
    : entries.filter((entry) => !parameterNames([entry]).some((name) => names.includes(name)));
}

async function warnOfLeftOut({ deps, exchange }: Attempt, leftOut: readonly string[]): Promise<void> {
  const names = parameterNames(exchange.request.exportEntries).filter((name) => leftOut.includes(name));
  await deps.exchanges.addWarning(exchange.id, {
    code: 'parameters-left-out',
    text: `The responding payer does not know ${names.join(', ')}; the export was asked for without, which means the same records.`,
  });
}
