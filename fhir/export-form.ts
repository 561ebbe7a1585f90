import { isRecord } from './parameters.ts';
import type { PayerCapabilities } from './payer-capabilities.ts';

/**
 * The ways in which a responding payer can be asked for one member. The first four are Bulk Data exports
 * (`Patient/$export` with `patient`; `Patient/<id>/$export`; a Group of one; `Patient/$export` under a token that reaches
 * nobody else); the last two answer at once, page by page.
 */
export const EXPORT_FORMS = ['type-level', 'instance-level', 'group', 'token-bound', 'everything', 'search'] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

export function isExportForm(value: unknown): value is ExportForm {
  return EXPORT_FORMS.some((form) => form === value);
}

/** Answers with records instead of a status URL. */
export function isSynchronous(form: ExportForm): boolean {
  return form === 'everything' || form === 'search';
}

export interface FormChoice {
  /** The payer's definition says so: nothing else is tried. */
  readonly configured: ExportForm | undefined;
  /** Undefined where the payer's CapabilityStatement cannot be read. */
  readonly capabilities: PayerCapabilities | undefined;
  /** The token reaches this member alone. */
  readonly tokenBound: boolean;
  /** Names of the parameters that the export was posted with. */
  readonly parameters: readonly string[];
  /** The form that brought the last exchange with this payer to its manifest. */
  readonly worked: ExportForm | undefined;
  /** Forms that it said it does not have. */
  readonly refused: readonly ExportForm[];
}

/** What each synchronous form can say of a posted export; an export says all of it. */
const EXPRESSED: Readonly<Record<'everything' | 'search', ReadonlySet<string>>> = {
  everything: new Set(['patient', '_outputFormat', 'organizeOutputBy', 'allowPartialManifests', '_since', '_type']),
  search: new Set([
    ...['patient', '_outputFormat', 'organizeOutputBy', 'allowPartialManifests', '_since', '_type'],
    ...['_until', '_typeFilter', '_elements'],
  ]),
};

/**
 * The forms to try, best first: what worked, what the payer names, the standard's own, then the rest. A form that cannot
 * say what was posted is left out, for it would bring more than was asked for.
 */
export function exportForms(choice: FormChoice): readonly ExportForm[] {
  if (choice.configured !== undefined) return [choice.configured];
  const { capabilities, tokenBound, parameters, worked, refused } = choice;
  const named: readonly ExportForm[] = capabilities?.exportForms ?? [];
  const isPossible = (form: ExportForm): boolean => {
    switch (form) {
      case 'token-bound':
        return tokenBound;
      // Looking for a Group asks a search of a server that may not have any.
      case 'group':
        return named.includes('group');
      case 'everything':
        return parameters.every((name) => EXPRESSED.everything.has(name));
      case 'search':
        return (
          Object.keys(capabilities?.searches ?? {}).length > 0 && parameters.every((name) => EXPRESSED.search.has(name))
        );
      default:
        return true;
    }
  };
  const places = EXPORT_FORMS.filter(isPossible).map((form) => {
    const isNamed = named.includes(form) || form === 'token-bound' || form === 'search';
    const isUnnamedExport = !isNamed && !isSynchronous(form);
    const rank =
      form === worked ? 0 : refused.includes(form) ? 4 : isNamed && !isSynchronous(form) ? 1 : isUnnamedExport ? 2 : 3;
    return { form, rank };
  });
  return places.sort((one, other) => one.rank - other.rank).map(({ form }) => form);
}

/**
 * Parameters that say in which form files come, never which records: a payer that does not know them may be asked
 * without. All others decide what is disclosed, and are never left out.
 */
const FORM_ONLY: ReadonlySet<string> = new Set(['_outputFormat', 'organizeOutputBy', 'allowPartialManifests']);

/** What to do about a kick-off that the payer refused. */
export type KickOffRefusal =
  /** This form does not exist there. */
  | { readonly kind: 'other-form' }
  /** It exists, and does not know these parameters, without which it means the same. */
  | { readonly kind: 'leave-out'; readonly parameters: readonly string[] }
  | { readonly kind: 'final' };

export interface RefusedKickOff {
  readonly status: number;
  /** What the payer's OperationOutcome says, all of it. */
  readonly words: string;
  /** Issue types of that OperationOutcome. */
  readonly issues: readonly string[];
}

/** Reads a refusal of a kick-off: 404, 405 and 501 mean "not here", and so do words that name a parameter of the form. */
export function readKickOffRefusal({ status, words, issues }: RefusedKickOff, sent: readonly string[]): KickOffRefusal {
  if (status === 404 || status === 405 || status === 501) return { kind: 'other-form' };
  if (status !== 400 && status !== 422) return { kind: 'final' };
  const named = sent.filter((name) => isNamedIn(words, name));
  const droppable = named.filter((name) => FORM_ONLY.has(name));
  if (droppable.length > 0) return { kind: 'leave-out', parameters: droppable };
  const isUnsupported =
    issues.includes('not-supported') || /not supported|unsupported|unknown|not known|unrecogni[sz]ed/i.test(words);
  // A bare 400 says nothing: another form may be understood, and a wrong request is refused in each of them.
  const saysNothing = words === '' && issues.length === 0;
  return isUnsupported || saysNothing ? { kind: 'other-form' } : { kind: 'final' };
}

/** `patient` is a word of many sentences: it counts where it is written as a parameter. */
function isNamedIn(words: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = name.startsWith('_')
    ? `(^|[^A-Za-z0-9_])${escaped}([^A-Za-z0-9_]|$)`
    : `["'\`(]${escaped}["'\`)]|parameters?:? ${escaped}\\b|\\b${escaped} parameter`;
  return new RegExp(pattern, name.startsWith('_') ? '' : 'i').test(words);
}

/** Names of the parameters that an export was posted with. */
export function parameterNames(entries: readonly string[]): readonly string[] {
  const names = entries.map((text): unknown => {
    const entry: unknown = JSON.parse(text);
    return isRecord(entry) ? entry['name'] : undefined;
  });
  return [...new Set(names.filter((name) => typeof name === 'string'))];
}
