import type { Emission } from './emission.ts';
import type { Issue } from './validator.ts';

/** Errors that are known and stay, with the reason why. */
const TOLERATED: readonly { readonly kind: string; readonly id: string; readonly why: string }[] = [
  ...['TYPE_SPECIFIC_CHECKS_DT_ATT_HASH_MISMATCH', 'TYPE_SPECIFIC_CHECKS_DT_ATT_SIZE_CORRECT'].map((id) => ({
    ...{ kind: 'DocumentReference of ours', id },
    why: 'size and hash are of the received file; in the form of the vendor it stands inside a Binary, which is what is measured',
  })),
];

/** What lies inside a record of a Bundle is said of that record, which is looked at by itself. */
const IN_A_RECORD = /^Bundle\.entry\[\d+\]\.resource\/\*\w+\/(?!null\*)[^*]+\*\/\./;

/** Errors of an emission that neither stood in what came to us nor are tolerated, each as a line. */
export function findings(each: Emission, issues: readonly Issue[], issuesBefore: readonly Issue[]): string[] {
  const before = issuesBefore.map(ruleAndPlace);
  return issues
    .filter(({ severity }) => severity === 'error' || severity === 'fatal')
    .filter(({ location }) => !IN_A_RECORD.test(location))
    .filter((issue) => !TOLERATED.some(({ kind, id }) => kind === each.kind && id === issue.id))
    .filter((issue) => {
      const at = before.indexOf(ruleAndPlace(issue));
      // Each of those that came excuses one that goes.
      if (at >= 0) before.splice(at, 1);
      return at < 0;
    })
    .map(({ id, location, message }) => `${location}: ${message} (${id ?? 'no rule'})`);
}

const ruleAndPlace = ({ id, location }: Issue): string => `${id ?? ''} ${location}`;
