import { ExchangeError } from '../../fhir/errors.ts';
import type { ExportNote } from '../../fhir/export-note.ts';
import type { ExportRequest } from '../../fhir/export-request.ts';
import type { ExportLevel } from '../../store/export-jobs.ts';
import type { Caller } from '../auth.ts';
import { exportableGroup, matchedOf } from './export-group.ts';
import type { GroupDeps } from './export-group.ts';
import type { Visibility } from './visibility.ts';

export interface MembersDeps extends GroupDeps {
  readonly visibility: Visibility;
}

/** Whom a kick-off asks for, by its path. */
export type KickOff =
  | { readonly kind: 'system' }
  | { readonly kind: 'patients' }
  | { readonly kind: 'patient'; readonly id: string }
  | { readonly kind: 'group'; readonly id: string; readonly isDaVinci: boolean };

export interface Scope {
  readonly level: ExportLevel;
  readonly groupId?: string;
  readonly patientIds: readonly string[];
  readonly notes: readonly ExportNote[];
}

const of = (level: Scope['level'], patientIds: readonly string[] = []): Scope => ({ level, patientIds, notes: [] });

/**
 * Whom the caller may export: for a partner those that it has matched (whichever of a member's compartments it named), and
 * no others; the answer does not tell who else is a member.
 * @throws ExchangeError `consent-withdrawn`, `not-found`, `forbidden`
 */
export async function scopeOf(
  deps: MembersDeps,
  caller: Caller,
  kickOff: KickOff,
  { patientIds }: ExportRequest,
): Promise<Scope> {
  switch (kickOff.kind) {
    case 'system':
      if (caller.kind !== 'operator') throw new ExchangeError('forbidden');
      return patientIds === undefined ? of('system') : of('members', await named(deps, caller, patientIds));
    case 'patients':
      if (patientIds !== undefined) return of('members', await named(deps, caller, patientIds));
      if (caller.kind === 'operator') return of('patients');
      if ((await deps.matches.inForce(caller.clientId, deps.now())).length === 0) {
        throw new ExchangeError('consent-withdrawn');
      }
      return of('matched');
    case 'patient':
      return of('members', await named(deps, caller, [kickOff.id]));
    case 'group':
      return groupScope(deps, caller, kickOff, patientIds);
  }
}

async function named(
  { fhir, visibility }: MembersDeps,
  caller: Caller,
  ids: readonly string[],
): Promise<readonly string[]> {
  if (caller.kind === 'partner') {
    const found = await Promise.all(ids.map((id) => visibility.matchOf(caller, id)));
    const members = found.map((match) => {
      if (match === undefined) throw new ExchangeError('consent-withdrawn');
      return match.patientId;
    });
    return [...new Set(members)];
  }
  for (const id of ids) {
    const stored = await fhir.read('Patient', id);
    if (stored === undefined || stored.deleted) throw new ExchangeError('not-found');
  }
  return [...new Set(ids)];
}

/**
 * Members of a Group without a match in force are left out; where that leaves nobody, it is refused. `patient` narrows:
 * by `$davinci-data-export` references that name nobody of them are passed over and reported (Da Vinci ATR), by `$export`
 * they are refused.
 */
async function groupScope(
  deps: MembersDeps,
  caller: Caller,
  { id, isDaVinci }: Extract<KickOff, { kind: 'group' }>,
  asked: readonly string[] | undefined,
): Promise<Scope> {
  const { members } = await exportableGroup(deps, caller, id);
  const wanted = asked === undefined ? members : members.filter((member) => asked.includes(member));
  const kept = caller.kind === 'operator' ? wanted : await matchedOf(deps, caller.clientId, wanted);
  const isEmptyGroup = asked === undefined && members.length === 0;
  if (kept.length === 0 && !isEmptyGroup) throw new ExchangeError('consent-withdrawn');
  const left = asked === undefined ? [] : asked.filter((each) => !kept.includes(each));
  if (left.length > 0 && !isDaVinci) throw new ExchangeError('consent-withdrawn');
  const notes = left.map((each) => leftOut(asked?.indexOf(each) ?? 0));
  return { level: 'group', groupId: id, patientIds: asked === undefined ? [] : kept, notes };
}

/** One answer for nobody, for a member of another Group and for one without a consent. */
function leftOut(index: number): ExportNote {
  return {
    code: 'consent-withdrawn',
    expression: `Parameters.parameter.where(name = 'patient')[${index}]`,
    diagnostics: 'The reference names no member of this Group whose consent is in force, and was passed over.',
  };
}
