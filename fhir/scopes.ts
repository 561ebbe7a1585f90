/**
 * SMART scopes by their meaning (SMART App Launch 2.2, scopes and launch context): v1 `system/*.read` and v2
 * `system/*.rs` say the same, a wildcard covers each type, a granular `?query` narrows.
 */

export type ScopeContext = 'patient' | 'user' | 'system';

export interface SmartScope {
  readonly kind: 'smart';
  readonly notation: 'v1' | 'v2';
  readonly context: ScopeContext;
  /** A resource type, or `*`. */
  readonly resource: string;
  /** Some of c, r, u, d, s in that order. */
  readonly letters: string;
  /** Search parameters of a granular scope, all of which a resource has to fulfil; as written (`name=value`). */
  readonly query: readonly string[];
}

/** No SMART resource scope (`openid`, an operation's URL …): means what it says, letter by letter. */
export interface LiteralScope {
  readonly kind: 'literal';
  readonly text: string;
}

export type Scope = SmartScope | LiteralScope;

const LETTERS = 'cruds';
const SMART = /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?$/;
const V1_LETTERS: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** One scope. What is not well formed as a SMART scope (letters out of order, v1 with a query) is taken literally. */
export function parseScope(text: string): Scope {
  const [, context, resource, permission, query] = SMART.exec(text) ?? [];
  if (!isContext(context) || !resource || !permission) return { kind: 'literal', text };
  const v1 = V1_LETTERS[permission];
  if (v1 !== undefined && query !== undefined) return { kind: 'literal', text };
  return {
    kind: 'smart',
    notation: v1 === undefined ? 'v2' : 'v1',
    context,
    resource,
    letters: v1 ?? permission,
    query: query?.split('&').filter((parameter) => parameter !== '') ?? [],
  };
}

/** A scope list as it stands in token requests and answers: separated by white space. */
export function parseScopes(text: string): readonly Scope[] {
  return [...new Set(text.split(/\s+/).filter((part) => part !== ''))].map(parseScope);
}

/** Prints in the scope's own notation; letters that v1 has no word for are printed as v2. */
export function printScope(scope: Scope): string {
  if (scope.kind === 'literal') return scope.text;
  const v1 = scope.notation === 'v1' && scope.query.length === 0 ? v1Word(scope.letters) : undefined;
  const query = scope.query.length > 0 ? `?${scope.query.join('&')}` : '';
  return `${scope.context}/${scope.resource}.${v1 ?? scope.letters}${query}`;
}

/** True if the granted list, taken together, allows all that the asked list does. */
export function coversScopes(granted: string, asked: string): boolean {
  return missingScopes(granted, asked).length === 0;
}

/** Those of the asked scopes, as written, that the granted list does not allow in full. */
export function missingScopes(granted: string, asked: string): readonly string[] {
  const grants = parseScopes(granted);
  return parseScopes(asked)
    .filter((scope) => !isCovered(grants, scope))
    .map(printScope);
}

/**
 * What the granted list leaves of the asked one, printed in the asker's notation; empty if nothing.
 * Two granular queries meet in the scope that fulfils both.
 */
export function intersectScopes(asked: string, granted: string): string {
  const grants = parseScopes(granted);
  const scopes = parseScopes(asked);
  // What is granted in full stays as it was asked for: a client may look for its own words.
  const whole = scopes.filter((scope) => isCovered(grants, scope));
  const parts = scopes.filter((scope) => !whole.includes(scope)).flatMap((scope) => meetAll(scope, grants));
  const news = withoutCovered(parts.filter((part) => !isCovered(whole, part)));
  return [...new Set([...whole, ...news].map(printScope))].join(' ');
}

function isContext(text: string | undefined): text is ScopeContext {
  return text === 'patient' || text === 'user' || text === 'system';
}

function v1Word(letters: string): string | undefined {
  return Object.keys(V1_LETTERS).find((word) => V1_LETTERS[word] === letters);
}

function isCovered(grants: readonly Scope[], asked: Scope): boolean {
  if (asked.kind === 'literal') return grants.some((grant) => grant.kind === 'literal' && grant.text === asked.text);
  const wide = grants.filter((grant) => grant.kind === 'smart').filter((grant) => reaches(grant, asked));
  return [...asked.letters].every((letter) => wide.some(({ letters }) => letters.includes(letter)));
}

/** True if the grant applies to every resource that the asked scope names; its letters are another question. */
function reaches(grant: SmartScope, asked: SmartScope): boolean {
  return (
    grant.context === asked.context &&
    (grant.resource === '*' || grant.resource === asked.resource) &&
    grant.query.every((parameter) => asked.query.includes(parameter))
  );
}

function meetAll(asked: Scope, grants: readonly Scope[]): readonly SmartScope[] {
  if (asked.kind === 'literal') return [];
  const byReach = new Map<string, SmartScope>();
  for (const grant of grants) {
    const common = grant.kind === 'smart' ? meet(asked, grant) : undefined;
    if (common === undefined) continue;
    const key = `${common.resource}?${common.query.join('&')}`;
    const known = byReach.get(key);
    byReach.set(key, known ? { ...known, letters: inOrder(known.letters + common.letters) } : common);
  }
  return [...byReach.values()];
}

function meet(asked: SmartScope, grant: SmartScope): SmartScope | undefined {
  if (asked.context !== grant.context) return undefined;
  const isSameOrWildcard = asked.resource === grant.resource || asked.resource === '*' || grant.resource === '*';
  const letters = [...asked.letters].filter((letter) => grant.letters.includes(letter)).join('');
  if (!isSameOrWildcard || letters === '') return undefined;
  const resource = asked.resource === '*' ? grant.resource : asked.resource;
  return { ...asked, resource, letters, query: [...new Set([...asked.query, ...grant.query])] };
}

function inOrder(letters: string): string {
  return [...LETTERS].filter((letter) => letters.includes(letter)).join('');
}

/** Of two that cover each other the first stays. */
function withoutCovered(scopes: readonly Scope[]): readonly Scope[] {
  return scopes.filter(
    (scope, index) =>
      !scopes.some(
        (other, at) => at !== index && isCovered([other], scope) && (at < index || !isCovered([scope], other)),
      ),
  );
}
