import type { AppRoute } from './routes.ts';

export interface Known {
  readonly type: string;
  readonly id: string;
}

/** What a walk asks every route about. */
export interface WalkTarget {
  readonly fhirUrl: string;
  readonly publicUrl: string;
  readonly member: string;
  /** A Group to which the member belongs, with others. */
  readonly group: string;
  /** An identifier and a name by which the member could be searched. */
  readonly identifier: string;
  readonly name: string;
  readonly records: readonly Known[];
  /** An export that holds the records: its id, and the paths of its files. */
  readonly jobId: string;
  readonly files: readonly { readonly type: string; readonly number: string }[];
  readonly matchBody: string;
}

interface Call {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
  readonly contentType?: string;
}

type Values = Readonly<Record<string, string>>;

/** Every request that these routes allow about the member and the records: no parameter of a path may be unknown here. */
export function callsOf(routes: readonly AppRoute[], target: WalkTarget): readonly Call[] {
  // What only refuses other methods stands beside the routes of a path.
  const named = new Set(routes.filter(({ method }) => method !== '_ALL').map(({ path }) => path));
  return routes.flatMap(({ method, path }) => {
    if (method === '_ALL' && named.has(path)) return [];
    const methods = method === '_ALL' ? ['GET', 'POST'] : [method];
    const base = /^\/(oauth|\.well-known\/(openid|oauth))/.test(path) ? target.publicUrl : target.fhirUrl;
    const urls = valuesFor(path, target).map((values) => `${base}${filled(path, values)}`);
    return methods.flatMap((each) => [...new Set(urls)].flatMap((url) => variantsOf(each, path, url, target)));
  });
}

function valuesFor(path: string, { records, member, group, jobId, files }: WalkTarget): readonly Values[] {
  if (path.startsWith('/export-file/')) return files.map((file) => ({ job: jobId, ...file }));
  if (path.startsWith('/export-status/')) return [{ id: jobId }];
  if (path.startsWith('/Patient/:id')) return [{ id: member }];
  if (path.startsWith('/Group/:id')) return [{ id: group }];
  return records.map(({ type, id }) => ({ type, id, version: '1' }));
}

function filled(path: string, values: Values): string {
  return path.replace(/:(\w+)/g, (_whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the walk knows no value for :${name} of ${path}`);
    return value;
  });
}

function variantsOf(method: string, path: string, url: string, target: WalkTarget): readonly Call[] {
  const { member, identifier, name } = target;
  const searches = [
    `patient=${member}`,
    `subject=Patient/${member}&_revinclude=Provenance:target`,
    `_id=${target.records.map(({ id }) => id).join(',')}`,
    `identifier=${encodeURIComponent(identifier)}`,
    `name=${name}`,
    '_lastUpdated=ge2000-01-01',
  ];
  if (method === 'GET' && path === '/:type') {
    return [...searches, ...queriesOf(target)].map((query) => ({ method, url: `${url}?${query}` }));
  }
  if (path === '/:type/_search') {
    const contentType = 'application/x-www-form-urlencoded';
    return searches.map((body) => ({ method, url, body, contentType }));
  }
  if (method === 'GET' && isExport(path))
    return ['', `?patient=Patient/${member}`, '?_since=2000-01-01T00:00:00Z'].map((query) => ({
      method,
      url: `${url}${query}`,
    }));
  if (path.includes('$everything')) return everythingCalls(method, url);
  if (path.includes('$docref')) {
    const patient = `{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"${member}"}]}`;
    if (method === 'POST') return [{ method, url, body: patient }];
    return ['', '&start=2000-01-01'].map((more) => ({ method, url: `${url}?patient=${member}${more}` }));
  }
  if (method === 'GET' && path.endsWith('/_history'))
    return [
      { method, url },
      { method, url: `${url}?_count=1&_since=2000-01-01T00:00:00Z` },
    ];
  if (method === 'GET' || method === 'DELETE') return [{ method, url }];
  return bodiesOf(path, target, searches).map((body) => ({ method, url, body }));
}

const isExport = (path: string): boolean => /\$(davinci-data-)?export$/.test(path);

function everythingCalls(method: string, url: string): readonly Call[] {
  const queries = [
    '',
    '?_count=1',
    '?_type=Observation,Provenance',
    '?origin=imported',
    '?_since=2000-01-01T00:00:00Z',
    '?start=2000-01-01',
  ];
  if (method !== 'POST') return queries.map((query) => ({ method, url: `${url}${query}` }));
  const body = '{"resourceType":"Parameters","parameter":[{"name":"origin","valueCode":"all"}]}';
  return [
    { method, url },
    { method, url, body },
  ];
}

/** Ways to another member's records around the search for them: chains, what is included, orders, totals. */
function queriesOf({ identifier, member, name, records }: WalkTarget): readonly string[] {
  const chained = [`patient.identifier=${encodeURIComponent(identifier)}`, `subject:Patient.name=${name}`];
  const including = ['_include=*', '_revinclude=Provenance:target', '_revinclude=Observation:patient'];
  const ids = records.map(({ id }) => id).join(',');
  return [
    ...chained,
    ...including.map((include) => `_id=${ids}&${include}`),
    ...['_sort=-_lastUpdated', '_total=accurate', '_elements=x', 'origin=imported'].map(
      (form) => `patient=${member}&${form}`,
    ),
    '_count=1000',
  ];
}

function bodiesOf(path: string, target: WalkTarget, searches: readonly string[]): readonly string[] {
  const { member, records } = target;
  if (path === '/Patient/$member-match') return [target.matchBody];
  if (isExport(path)) {
    const parameter = [{ name: 'patient', valueReference: { reference: `Patient/${member}` } }];
    return [JSON.stringify({ resourceType: 'Parameters', parameter }), '{"resourceType":"Parameters"}'];
  }
  if (path !== '/') return ['{"resourceType":"Basic","id":"none"}'];
  const getting = (url: string): object => ({ request: { method: 'GET', url } });
  const entry = records.flatMap(({ type, id }) => [
    ...[`${type}/${id}`, `${type}/${id}/_history`, `${type}/${id}/_history/1`].map(getting),
    ...searches.map((query) => getting(`${type}?${query}`)),
  ]);
  const more = records.flatMap(({ type }) => queriesOf(target).map((query) => getting(`${type}?${query}`)));
  return [
    JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: [...entry, ...more] }),
    // One entry that is refused ends a transaction: each by itself.
    ...[entry, ...entry.map((each) => [each])].map((entries) =>
      JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: entries }),
    ),
  ];
}

export interface Walked {
  /** Of all answers, those of exports that it began included. */
  readonly texts: readonly string[];
  readonly statuses: readonly { readonly call: string; readonly status: number }[];
}

interface WalkedManifest {
  readonly output: readonly { readonly url: string }[];
  readonly deleted?: readonly { readonly url: string }[];
  readonly error: readonly { readonly url: string }[];
}

/** Makes the calls with a token, and follows every export that one of them begins to its last file. */
export async function walk(calls: readonly Call[], token: string): Promise<Walked> {
  const texts: string[] = [];
  const statuses: { call: string; status: number }[] = [];
  const ask = async ({ method, url, body, contentType = 'application/fhir+json' }: Call): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, prefer: 'respond-async', 'content-type': contentType };
    const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
    statuses.push({ call: `${method} ${url}`, status: response.status });
    texts.push([...response.headers.values()].join('\n'), await response.clone().text());
    return response;
  };
  for (const call of calls) {
    const answer = await ask(call);
    const status = answer.status === 202 ? answer.headers.get('content-location') : null;
    if (status === null) continue;
    let done = await ask({ method: 'GET', url: status });
    while (done.status === 202) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      done = await ask({ method: 'GET', url: status });
    }
    if (done.status !== 200) continue;
    const { output, deleted = [], error } = (await done.json()) as WalkedManifest;
    for (const { url } of [...output, ...deleted, ...error]) await ask({ method: 'GET', url });
  }
  return { texts, statuses };
}
