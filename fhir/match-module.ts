import type { Fields, MatchRequest } from './member-match.ts';

/** What was posted, as a module of the operator gets it: a copy of its own. */
export interface PostedMatch {
  readonly patient: Fields;
  readonly coverage: Fields;
  readonly consent: Fields;
  readonly coverageToLink: Fields | undefined;
}

export interface OfferedMember {
  readonly id: string;
  readonly patient: Fields;
  readonly coverages: readonly Fields[];
}

/** The operator's own decision who is meant: the id of a candidate, undefined for none, the word `ambiguous` for several. */
export type MatchModule = (request: PostedMatch, candidates: readonly OfferedMember[]) => Promise<string | undefined>;

export function postedResources({ patient, coverage, consent, coverageToLinkText }: MatchRequest): PostedMatch {
  return {
    ...structuredClone({ patient, coverage, consent }),
    coverageToLink: coverageToLinkText === undefined ? undefined : (JSON.parse(coverageToLinkText) as Fields),
  };
}
