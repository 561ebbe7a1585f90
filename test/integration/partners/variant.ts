import type { ExportForm } from '../../../fhir/export-form.ts';
import type { ErrorCode } from '../../../fhir/errors.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import type { ExchangeRequest } from '../../../store/exchanges.ts';
import type { ExchangeLimits, Step } from '../../../workflows/contract.ts';
import type { Behaviour, Patch } from '../../support/responder/options.ts';

/** One way in which partners differ, and what becomes of an exchange with a partner that does so. */
export interface Variant {
  /** What the partner does: the first column of the table in `docs/partners.md`. */
  readonly partner: string;
  /** What Carryover does about it: the second. */
  readonly carryover: string;
  readonly behaviour: Patch<Behaviour>;
  /** What is registered of this partner. */
  readonly definition?: Partial<OidcServer>;
  /** In the place of a posted match and no export parameters. */
  readonly request?: Partial<ExchangeRequest>;
  readonly limits?: Partial<ExchangeLimits>;
  /** `same`: completed, with just the records that the plainest export brings. */
  readonly outcome: 'same' | 'completed' | { readonly at: Step; readonly reason: ErrorCode };
  /** How many more or fewer records than those of the plainest export. */
  readonly records?: number;
  readonly form?: ExportForm;
  /** Codes that stand among the Task's warnings. */
  readonly warnings?: readonly string[];
  /** `METHOD path` of a request that the partner must have had, as a pattern; with `!` in front: must not. */
  readonly requests?: readonly (RegExp | readonly ['!', RegExp])[];
}

export interface VariantGroup {
  readonly title: string;
  readonly variants: readonly Variant[];
}
