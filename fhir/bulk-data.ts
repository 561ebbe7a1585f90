import { z } from 'zod';
import { ExchangeError } from './errors.ts';
import type { ExportForm } from './export-form.ts';
import { isRecord, printParameters } from './parameters.ts';
import { isTransient } from './peer-outcome.ts';
import type { PeerIssue } from './peer-outcome.ts';

export interface ManifestFile {
  /** The list that it stands in; `error` is `outcome` in Bulk Data 4.0. */
  readonly list: 'output' | 'error' | 'deleted';
  /** Absent where the files are organised by something else than type, and in lists that need none. */
  readonly type: string | undefined;
  /** Absolute. */
  readonly url: string;
  /** What the manifest says; neither exact nor always there. */
  readonly announcedCount: number | undefined;
}

/** An export manifest of Bulk Data 1.0 to 4.0. */
export interface Manifest {
  /** As written: the next `_since`. */
  readonly transactionTime: string;
  readonly requiresAccessToken: boolean;
  readonly files: readonly ManifestFile[];
  /** Absolute URL of the next page, where the manifest is one of several. */
  readonly next: string | undefined;
}

/** A count is for a comparison, a type for what its lines must be: one that makes no sense is none. */
const file = z.looseObject({
  type: z
    .string()
    .regex(/^[A-Za-z]{1,64}$/)
    .optional()
    .catch(undefined),
  url: z.string().min(1),
  count: z.int32().nonnegative().optional().catch(undefined),
});
const files = z
  .array(file)
  .nullish()
  .transform((list) => list ?? []);

const manifestBody = z.looseObject({
  transactionTime: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
  // 1..1 in every version. A peer that leaves it out gets the token: it goes to allowed hosts only.
  requiresAccessToken: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
  output: files,
  error: files,
  outcome: files,
  deleted: files,
  link: z.array(z.looseObject({ relation: z.string(), url: z.string() })).nullish(),
});

/**
 * Reads a manifest; relative URLs are resolved against `base`, the URL that it came from.
 * @throws ExchangeError `peer-invalid` that names the field
 */
export function readManifest(body: unknown, base: string): Manifest {
  const read = manifestBody.safeParse(body);
  if (!read.success) {
    const path = read.error.issues[0]?.path.join('.') ?? '';
    throw new ExchangeError('peer-invalid', { detail: `export manifest: ${path === '' ? 'no object' : path}` });
  }
  const { transactionTime, requiresAccessToken, output, error, outcome, deleted, link } = read.data;
  const next = link?.find(({ relation }) => relation === 'next')?.url;
  const listed = (list: ManifestFile['list'], entries: z.infer<typeof files>): readonly ManifestFile[] =>
    entries.map(({ type, url, count }) => ({ list, type, url: absoluteUrl(url, base), announcedCount: count }));
  return {
    transactionTime,
    requiresAccessToken,
    files: [...listed('output', output), ...listed('error', [...error, ...outcome]), ...listed('deleted', deleted)],
    next: next === undefined ? undefined : absoluteUrl(next, base),
  };
}

/** @throws ExchangeError `peer-invalid` when the text is no URL */
export function absoluteUrl(text: string, base: string): string {
  if (!URL.canParse(text, base)) throw new ExchangeError('peer-invalid', { detail: 'a URL of the peer is malformed' });
  return new URL(text, base).href;
}

export interface KickOff {
  readonly form: Exclude<ExportForm, 'everything' | 'search'>;
  /** The Group to export, for the form `group`. */
  readonly groupId?: string;
  /** The member's Patient id at the responding payer. */
  readonly patientId: string;
  /** Entries of `export` as they were posted, each the JSON text of one Parameters entry. */
  readonly entries: readonly string[];
}

/** Where the kick-off goes, relative to the payer's base. */
export function kickOffPath({ form, patientId, groupId }: KickOff): string {
  switch (form) {
    case 'type-level':
    case 'token-bound':
      return 'Patient/$export';
    case 'instance-level':
      return `Patient/${patientId}/$export`;
    case 'group':
      return `Group/${groupId ?? ''}/$export`;
  }
}

/** Body of the kick-off. Entries go as they were posted, but for `patient`: the matched member takes its place. */
export function kickOffBody({ form, patientId, entries }: KickOff): string {
  const kept = entries.filter((text) => nameOf(JSON.parse(text)) !== 'patient');
  const patient = JSON.stringify({ name: 'patient', valueReference: { reference: `Patient/${patientId}` } });
  return printParameters(form === 'type-level' ? [...kept, patient] : kept);
}

/**
 * The same for a kick-off by GET, which names no patient: not for `type-level`, where it would export everybody.
 * Undefined where an entry is no simple value, and so has no form in a query.
 */
export function kickOffQuery(entries: readonly string[]): URLSearchParams | undefined {
  const query = new URLSearchParams();
  for (const text of entries) {
    const entry: unknown = JSON.parse(text);
    const name = nameOf(entry);
    if (name === 'patient') continue;
    const value = isRecord(entry) ? simpleValue(entry) : undefined;
    if (name === undefined || value === undefined) return undefined;
    query.append(name, value);
  }
  return query;
}

function nameOf(entry: unknown): string | undefined {
  return isRecord(entry) && typeof entry['name'] === 'string' ? entry['name'] : undefined;
}

function simpleValue(entry: Readonly<Record<string, unknown>>): string | undefined {
  const key = Object.keys(entry).find((name) => name.startsWith('value'));
  const value = key === undefined ? undefined : entry[key];
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return String(value);
  return isRecord(value) && typeof value['reference'] === 'string' ? value['reference'] : undefined;
}

/** `X-Progress` as percent; undefined where the text holds none (it is free text). */
export function readProgress(header: string | undefined): number | undefined {
  const [, percent] =
    /(?:^|[^\d.])(\d{1,3}(?:\.\d+)?)\s*%/.exec(header ?? '') ?? /^\s*(\d{1,3})\s*$/.exec(header ?? '') ?? [];
  const value = Number(percent ?? Number.NaN);
  return value >= 0 && value <= 100 ? value : undefined;
}

/** `busy`: this request failed and the export lives on. `gone`: there is no such export any more. */
export type StatusAnswer = 'in-progress' | 'complete' | 'busy' | 'gone' | 'failed';

/** Statuses that a proxy or a throttle answers with, whatever became of the export behind it. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** What the answer to a status request means; `issues` are those of an OperationOutcome in it. */
export function classifyStatusAnswer(status: number, issues: readonly PeerIssue[] | undefined): StatusAnswer {
  if (status === 202) return 'in-progress';
  if (status >= 200 && status < 300) return 'complete';
  if (status === 404 || status === 410) return 'gone';
  return PASSING.has(status) || isTransient(issues ?? []) ? 'busy' : 'failed';
}
