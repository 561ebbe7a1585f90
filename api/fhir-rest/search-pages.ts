import type { Condition } from '../../fhir/filter-values.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { SearchPage } from '../../store/search-query.ts';
import type { RestContext } from './interaction.ts';
import { showVersions } from './show-versions.ts';
import type { SearchPlan } from './search-plan.ts';

const MOST_AT_ONCE = 1000;

export interface VisiblePage {
  readonly resources: readonly StoredResource[];
  readonly next: string | undefined;
  readonly asOf: string;
}

/**
 * As many as were asked for of what the caller may see. A page that is short because of what is withheld, or a next one with
 * nothing on it, would tell a partner that there is something.
 */
export async function visiblePage(
  context: RestContext,
  plan: SearchPlan,
  count: number,
  behind: string | undefined,
): Promise<VisiblePage> {
  const resources: StoredResource[] = [];
  let after = behind;
  for (;;) {
    const page = await shownPage(context, plan, count - resources.length, after);
    resources.push(...page.resources);
    after = page.next;
    if (after === undefined) return { resources, next: undefined, asOf: page.asOf };
    if (resources.length < count) continue;
    const isMore = context.access.isOperator || (await isAnyVisible(context, plan, after));
    return { resources, next: isMore ? after : undefined, asOf: page.asOf };
  }
}

/** All that the caller may see, as of one instant. */
export async function* allVisible(context: RestContext, plan: SearchPlan): AsyncGenerator<StoredResource> {
  let after: string | undefined;
  do {
    const page: SearchPage = await shownPage(context, plan, MOST_AT_ONCE, after);
    yield* page.resources;
    after = page.next;
  } while (after !== undefined);
}

export async function firstVisible(
  context: RestContext,
  plan: SearchPlan,
  most: number,
): Promise<{ readonly resources: readonly StoredResource[]; readonly isWhole: boolean }> {
  const resources: StoredResource[] = [];
  for await (const resource of allVisible(context, plan)) {
    if (resources.length === most) return { resources, isWhole: false };
    resources.push(resource);
  }
  return { resources, isWhole: true };
}

async function shownPage(
  context: RestContext,
  plan: SearchPlan,
  count: number,
  after: string | undefined,
): Promise<SearchPage> {
  const { scope, verify, onePage } = plan;
  const { resources, next, asOf } = await context.store.search(
    onePage ? { ...scope, count: MOST_AT_ONCE } : { ...scope, count, after },
  );
  const isCurrent = after === undefined && scope.asOf === undefined;
  const shown = await showVersions(context, resources, { isCurrent });
  const found = verify === undefined ? shown : shown.filter((resource) => fulfils(resource, verify));
  return onePage ? { resources: found.slice(0, count), next: undefined, asOf } : { resources: found, next, asOf };
}

async function isAnyVisible(context: RestContext, plan: SearchPlan, behind: string): Promise<boolean> {
  let after: string | undefined = behind;
  while (after !== undefined) {
    const page: SearchPage = await shownPage(context, plan, MOST_AT_ONCE, after);
    if (page.resources.length > 0) return true;
    after = page.next;
  }
  return false;
}

export function fulfils({ text }: StoredResource, condition: Condition): boolean {
  return condition(JSON.parse(text) as Readonly<Record<string, unknown>>);
}
