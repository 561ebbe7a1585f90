/** So many are written while one step more is begun. */
const FEW_RECORDS = 4000;
/** What is written again when a step fails. */
const MANY_RECORDS = 50_000;
/** Steps are taken two at a time. */
const LANES = 2;

interface Group {
  readonly types: string[];
  records: number;
}

/**
 * Which types one step writes, by about how many records each has: as many records in each step as in the others, as far as
 * types let themselves be put together; what takes longest does not begin last.
 */
export function typeGroups(counts: ReadonlyMap<string, number>): readonly (readonly string[])[] {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = total <= FEW_RECORDS ? 1 : LANES * Math.ceil(total / (LANES * MANY_RECORDS));
  const groups = Array.from({ length: Math.min(most, counts.size) }, (): Group => ({ types: [], records: 0 }));
  const largestFirst = [...counts].sort(([, one], [, other]) => other - one);
  for (const [type, count] of largestFirst) {
    const [first, ...others] = groups;
    if (first === undefined) break;
    const emptiest = others.reduce((least, group) => (group.records < least.records ? group : least), first);
    emptiest.types.push(type);
    emptiest.records += count;
  }
  return groups.sort((one, other) => other.records - one.records).map(({ types }) => types);
}
