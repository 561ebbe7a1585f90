import { answerOf } from '../support/payer.ts';
import type { Answer } from '../support/payer.ts';
import { emission } from './emission.ts';
import type { Emission } from './emission.ts';
import { PARTNER } from './payers.ts';
import type { Payers } from './payers.ts';
import { PDEX_PROVENANCE } from './validator.ts';

const EXPORT_DEADLINE_MS = 120_000;

/** What a partner gets that asks this payer for the member: the match, and every line of the export. */
export async function emissionsToPartner({ payer, person, match }: Payers): Promise<readonly Emission[]> {
  const token = await payer.token(PARTNER.id, PARTNER.secret, 'system/*.rs');
  const ask = async (method: string, url: string, body?: string): Promise<Answer> =>
    answerOf(
      await fetch(url.startsWith('http') ? url : `${payer.fhirUrl}/${url}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          prefer: 'respond-async',
          ...(body !== undefined && { 'content-type': 'application/fhir+json' }),
        },
        ...(body !== undefined && { body }),
      }),
    );
  const matched = await ask('POST', 'Patient/$member-match', fromPartner(match));
  const [, other] = match.parameter;
  const unmatched = await ask(
    'POST',
    'Patient/$member-match',
    JSON.stringify({ resourceType: 'Parameters', parameter: [other] }),
  );
  const begun = await ask('GET', `Patient/${person.id}/$export`);
  const lines = await linesOf(ask, begun.headers.get('content-location') ?? '');
  const stored = await storedTexts(payer.wiring.pool);
  return [
    emission('answers to $member-match', matched.text),
    emission('answers to $member-match', unmatched.text),
    ...lines.map((line) => exported(line, stored)),
  ];
}

/** The same request, one payer further: what was the requesting one is asked now. */
const fromPartner = (match: Payers['match']): string =>
  JSON.stringify({ resourceType: 'Parameters', ...match })
    .replace('"value":"requesting"', '"value":"partner"')
    .replace('"value":"responding"', '"value":"requesting"');

async function linesOf(ask: (method: string, url: string) => Promise<Answer>, statusUrl: string): Promise<string[]> {
  let answer = await ask('GET', statusUrl);
  const deadline = Date.now() + EXPORT_DEADLINE_MS;
  while (answer.status === 202) {
    if (Date.now() > deadline) throw new Error('The export does not end.');
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer = await ask('GET', statusUrl);
  }
  const lines: string[] = [];
  for (const { url } of answer.json<{ output: { url: string }[] }>().output) {
    lines.push(...(await ask('GET', url)).text.split('\n').filter((line) => line !== ''));
  }
  return lines;
}

function exported(line: string, stored: ReadonlyMap<string, string>): Emission {
  const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
  const before = stored.get(`${resourceType}/${id}`);
  if (before === undefined) {
    return emission('Provenance of a transmission', line, { guides: 'pdex', profiles: [PDEX_PROVENANCE] });
  }
  return emission('exported records', line, { before });
}

async function storedTexts(pool: Payers['payer']['wiring']['pool']): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ type: string; id: string; content: string }>(
    'SELECT DISTINCT ON (type, id) type, id, content FROM resource ORDER BY type, id, publication_id DESC',
  );
  return new Map(rows.map(({ type, id, content }) => [`${type}/${id}`, content]));
}
