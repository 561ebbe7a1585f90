import { ExchangeError } from './errors.ts';
import type { ExportForm } from './export-form.ts';
import { isFhirId } from './identifiers.ts';

/** States of a batch job of the P2P API (contract: P2P API). */
export const BATCH_STATUSES = ['STARTING', 'STARTED', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/**
 * The state of a batch job, from its Task: STARTING until it has a place of the payer (`requested`, `accepted`), STARTED
 * (`in-progress`), STOPPING from the request to cancel it until it has ended, STOPPED (`cancelled`), COMPLETED, FAILED.
 */
export function batchStatus(taskStatus: string, isStopping: boolean): BatchStatus {
  switch (taskStatus) {
    case 'completed':
      return 'COMPLETED';
    case 'cancelled':
      return 'STOPPED';
    case 'failed':
      return 'FAILED';
    case 'in-progress':
      return isStopping ? 'STOPPING' : 'STARTED';
    default:
      return isStopping ? 'STOPPING' : 'STARTING';
  }
}

/** A request to be run at the responding payer as it was given, in no other form. */
export interface AskedRequest {
  /** To be tried in this order. */
  readonly forms: readonly ExportForm[];
  /** The Group of the form `group`. */
  readonly groupId?: string;
  /** Of the forms that answer at once: what is sent by GET, relative to the payer's base. */
  readonly get?: string;
}

export interface BundleRequest {
  readonly asked: AskedRequest;
  /** The member's Patient id, where the request names it. */
  readonly patientId: string | undefined;
  /** What it asks for as entries of an export: they bound what is read besides. */
  readonly exportEntries: readonly string[];
}

const FIELD = 'sourcePayer.fhirBundleRequest';
const ACCEPTED =
  'An export (Patient/$export, Patient/<id>/$export, Group/<id>/$export), Patient/<id>/$everything or a search, relative to the FHIR endpoint of the payer.';

const invalid = (diagnostics = ACCEPTED): ExchangeError =>
  new ExchangeError('request-invalid', { expression: FIELD, diagnostics });

/**
 * Reads `fhirBundleRequest`; an absolute URL must lie below `base`.
 * @throws ExchangeError `request-invalid` for what is neither an export, `$everything` nor a search
 */
export function readBundleRequest(text: string, base: string): BundleRequest {
  const url = urlBelow(text, base);
  const path = url.pathname.slice(new URL(base).pathname.length).replace(/^\/+/, '');
  const segments = path.split('/').map(decoded);
  const operation = segments.findIndex((segment) => segment.startsWith('$'));
  if (operation === -1) return search(segments, path, url);
  const [type = '', id] = segments;
  const name = segments[operation];
  if (operation !== segments.length - 1) throw invalid();
  if (name === '$export') return exportOf(type, operation === 1 ? undefined : id, operation, url);
  if (name === '$everything' && type === 'Patient' && operation === 2 && id !== undefined && isFhirId(id)) {
    const exportEntries = entriesOf(url, ['_since', '_type']);
    return { asked: { forms: ['everything'], get: `${path}${url.search}` }, patientId: id, exportEntries };
  }
  throw invalid();
}

function urlBelow(text: string, base: string): URL {
  const root = `${base.replace(/\/+$/, '')}/`;
  const relative = /^https?:/i.test(text) ? text : `./${text.replace(/^\/+/, '')}`;
  if (!URL.canParse(relative, root)) throw invalid();
  const url = new URL(relative, root);
  url.hash = '';
  // Dots may climb above the base.
  if (!url.href.startsWith(new URL(root).href) || url.href === new URL(root).href) throw invalid();
  return url;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid();
  }
}

function exportOf(type: string, id: string | undefined, depth: number, url: URL): BundleRequest {
  const exportEntries = entriesOf(url);
  const named = patientOf(url.searchParams.get('patient'));
  if (depth === 1 && type === 'Patient') {
    const forms: readonly ExportForm[] =
      named === undefined ? ['token-bound', 'type-level'] : ['type-level', 'token-bound'];
    return { asked: { forms }, patientId: named, exportEntries };
  }
  if (depth === 2 && id !== undefined && isFhirId(id)) {
    if (type === 'Patient') return { asked: { forms: ['instance-level'] }, patientId: id, exportEntries };
    if (type === 'Group') return { asked: { forms: ['group'], groupId: id }, patientId: named, exportEntries };
  }
  throw invalid(depth === 0 ? `An export of everybody is not asked for. ${ACCEPTED}` : ACCEPTED);
}

/** A type, or a type in the compartment of a Patient. What the payer knows nothing of, it refuses itself. */
function search(segments: readonly string[], path: string, url: URL): BundleRequest {
  const isCompartment = segments[0] === 'Patient' && segments.length === 3;
  const type = isCompartment ? segments[2] : segments[0];
  if (type === undefined || !/^[A-Za-z]+$/.test(type) || (segments.length !== 1 && !isCompartment)) throw invalid();
  const { searchParams: query, search: question } = url;
  const patientId = isCompartment ? segments[1] : patientOf(query.get(type === 'Patient' ? '_id' : 'patient'));
  if (patientId !== undefined && !isFhirId(patientId)) throw invalid();
  return {
    asked: { forms: ['search'], get: `${path}${question}` },
    patientId,
    exportEntries: [entry('_type', type), entry('_typeFilter', `${type}${question}`)],
  };
}

function patientOf(value: string | null): string | undefined {
  const id = value?.replace(/^Patient\//, '');
  return id !== undefined && isFhirId(id) ? id : undefined;
}

/** The parameters of a query as entries of a Parameters resource. */
function entriesOf(url: URL, names?: readonly string[]): readonly string[] {
  const wanted = [...url.searchParams].filter(([name]) => names === undefined || names.includes(name));
  return wanted.filter(([name]) => name !== 'patient').map(([name, value]) => entry(name, value));
}

function entry(name: string, value: string): string {
  const isInstant = name === '_since' || name === '_until';
  return JSON.stringify({ name, [isInstant ? 'valueInstant' : 'valueString']: value });
}
