import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Pool } from 'pg';
import { findLoadFiles } from '../../cli/load/find-files.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import { loadFiles } from '../../store/postgres/load.ts';
import type { LoadProgress } from '../../store/postgres/load.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';
import { collect } from '../support/records.ts';

let database: TestDatabase;
let pool: Pool;
let store: FhirStore;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url });
  store = createPostgresFhirStore(pool);
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-load-'));
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const write = (name: string, content: string | Uint8Array): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
};
const load = async (...files: string[]) => {
  try {
    return await loadFiles(pool, files);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

it('loads the lines of an NDJSON file byte for byte, plain or gzipped, ids kept, at one instant', async () => {
  const lines = [
    '{"resourceType":"Patient","id":"a-p","name":[{"family":"Ångström\\t"}]}',
    '{"resourceType":"Observation","id":"a-o", "subject":{"reference":"Patient/a-p"},"valueQuantity":{"value":1.50}}',
    '{"resourceType":"Claim","id":"a-c","patient":{"reference":"Patient/a-p"},"provider":{"reference":"Practitioner?identifier=s|1"}}',
  ];
  const text = `\ufeff${lines.join('\r\n\n')}`;
  const [result] = await load(write('Mixed.ndjson.gz', gzipSync(text)));
  expect(result).toMatchObject({ records: 3, new: 3, updated: 0, unchanged: 0, problems: [] });
  const { rows } = await pool.query<{ content: string }>(
    "SELECT content FROM resource WHERE id LIKE 'a-%' ORDER BY type",
  );
  expect(rows.map(({ content }) => content)).toEqual([lines[2], lines[1], lines[0]]);
  const stored = await collect(store.memberCompartment({ patientIds: ['a-p'] }));
  expect(stored).toHaveLength(3);
  expect(new Set(stored.map(({ lastUpdated }) => lastUpdated)).size).toBe(1);
});

it('makes no new version when the same file is loaded again', async () => {
  const file = write(
    'Organization.ndjson',
    '{"resourceType":"Organization","id":"b-1"}\n{"resourceType":"Organization","id":"b-2"}\n',
  );
  const [first, second] = await load(file, file);
  expect(first).toMatchObject({ new: 2, unchanged: 0 });
  expect(second).toMatchObject({ new: 0, updated: 0, unchanged: 2 });
  expect(await store.history('Organization', 'b-1')).toHaveLength(1);
});

it('names each malformed line and keeps nothing of its file, but the other files', async () => {
  const bad = write(
    'Bad.ndjson',
    [
      '{"resourceType":"Organization","id":"c-1"}',
      '{"resourceType":"Organization","id":"c-2"',
      '{"resourceType":"Nothing","id":"c-3"}',
      '[1]',
      '{"resourceType":"Organization"}',
      '{"resourceType":"Organization","id":"c 4"}',
      '{"resourceType":"Organization","id":"c-5","id":"c-6"}',
      '',
    ].join('\n'),
  );
  const good = write('Good.ndjson', '{"resourceType":"Organization","id":"c-9"}');
  const [broken, whole] = await load(bad, good);
  expect(broken).toMatchObject({ new: 0, updated: 0, unchanged: 0 });
  expect(broken?.problems).toEqual([
    { line: 2, reason: 'malformed-json' },
    { line: 3, reason: 'unknown-type' },
    { line: 4, reason: 'not-an-object' },
    { line: 5, reason: 'missing-id' },
    { line: 6, reason: 'invalid-id' },
    { line: 7, reason: 'duplicate-key' },
  ]);
  expect(whole).toMatchObject({ new: 1, problems: [] });
  expect(await store.read('Organization', 'c-1')).toBeUndefined();
  expect(await store.read('Organization', 'c-9')).toBeDefined();
  const { rows } = await pool.query("SELECT 1 FROM resource WHERE id LIKE 'c-%' AND id <> 'c-9'");
  expect(rows).toEqual([]);
});

it('keeps nothing of a file whose thousandth line is bad, though earlier lines were staged', async () => {
  const lines = Array.from({ length: 2500 }, (_, index) => `{"resourceType":"Location","id":"d-${index}"}`);
  const file = write('Location.ndjson', [...lines.slice(0, 2400), 'x', ...lines.slice(2400)].join('\n'));
  const [result] = await load(file);
  expect(result?.problems).toEqual([{ line: 2401, reason: 'malformed-json' }]);
  expect((await store.search({ type: 'Location', count: 5 })).resources).toEqual([]);
});

it('refuses a file in which one id has two contents', async () => {
  const one = (name: string) => `{"resourceType":"Organization","id":"e-1","name":"${name}"}`;
  const [result] = await load(write('x.ndjson', [one('A'), one('A'), one('B')].join('\n')));
  expect(result?.problems).toEqual([{ line: 3, reason: 'duplicate-id' }]);
  expect(await store.read('Organization', 'e-1')).toBeUndefined();
});

it('refuses a gzip file that is cut', async () => {
  const lines = Array.from(
    { length: 500 },
    (_, index) => `{"resourceType":"Organization","id":"f-${index}-${Math.sin(index)}"}`,
  );
  const bytes = gzipSync(lines.join('\n'));
  const [result] = await load(write('cut.ndjson.gz', bytes.subarray(0, bytes.length - 20)));
  expect(result?.problems.map(({ reason }) => reason)).toContain('malformed-json');
  expect(await store.read('Organization', 'f-0-0')).toBeUndefined();
});

it('loads a printed Bundle: each resource on one line, references between its entries resolved, digits kept', async () => {
  const uuid = '7d6f8a36-9c3e-4f0d-8b3b-0d1f2c3b4a59';
  const bundle = `{
  "resourceType": "Bundle", "type": "transaction",
  "entry": [
    { "fullUrl": "urn:uuid:${uuid}", "resource": { "resourceType": "Patient", "name": [{"text": "line \\n end"}] }, "request": {"method": "POST", "url": "Patient"} },
    { "fullUrl": "urn:uuid:0d1f2c3b-9c3e-4f0d-8b3b-7d6f8a364a59",
      "resource": {
        "resourceType": "Observation", "id": "g-o",
        "subject": { "reference": "urn:uuid:${uuid}" },
        "valueQuantity": { "value": 37.0 }
      } }
  ]
}`;
  const [result] = await load(write('bundle.json', bundle));
  expect(result).toMatchObject({ records: 2, new: 2, problems: [] });
  const observation = await store.read('Observation', 'g-o');
  expect(observation?.patientId).toBe(uuid);
  expect(observation?.text).not.toContain('\n');
  expect(observation?.text).toContain(`"subject": { "reference": "Patient/${uuid}" }`);
  expect(observation?.text).toContain('"value": 37.0');
  expect((await store.read('Patient', uuid))?.text).toContain('line \\n end');
});

it('names the line of a printed file at which it stops being JSON, and that of an entry without id', async () => {
  const broken = write('broken.json', '{\n  "resourceType": "Patient",\n  "id": "h",\n  "active": tru\n}');
  const anonymous = write(
    'anonymous.json',
    '{"resourceType":"Bundle",\n"entry":[\n{"resource":\n{"resourceType":"Patient"}}]}',
  );
  const [first, second] = await load(broken, anonymous);
  expect(first?.problems).toEqual([{ line: 4, reason: 'malformed-json' }]);
  expect(second?.problems).toEqual([{ line: 4, reason: 'missing-id' }]);
});

it('puts a Provenance with its targets, though they come in another file or later in the same one', async () => {
  const provenance = (id: string, target: string) =>
    `{"resourceType":"Provenance","id":"${id}","target":[{"reference":"${target}"}]}`;
  const goals = write('Goal.ndjson', '{"resourceType":"Goal","id":"i-g","subject":{"reference":"Patient/i-p"}}');
  const lines = [
    provenance('i-1', 'Goal/i-g'),
    provenance('i-2', 'Condition/i-c'),
    '{"resourceType":"Condition","id":"i-c","subject":{"reference":"Patient/i-p"}}',
  ];
  const [, result] = await load(goals, write('Provenance.ndjson', lines.join('\n')));
  expect(result?.problems).toEqual([]);
  const stored = await collect(store.memberCompartment({ patientIds: ['i-p'] }));
  expect(stored.map(({ id }) => id)).toEqual(['i-c', 'i-g', 'i-1', 'i-2']);
});

it('tells how far it has come', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `{"resourceType":"Organization","id":"j-${index}"}`);
  const told: LoadProgress[] = [];
  await loadFiles(pool, [write('Organization.ndjson', lines.join('\n'))], (progress) => told.push(progress));
  rmSync(folder, { recursive: true });
  expect(told.map(({ records }) => records)).toEqual([1000, 2000, 3000]);
  expect(told.at(-1)?.bytes).toBe(told.at(-1)?.totalBytes);
});

it('takes the files of a folder with Patients first and Provenances last, and says what is not there', () => {
  const names = ['Provenance.ndjson', 'Claim.ndjson.gz', 'notes.txt', 'Patient.ndjson', 'bundle.json'];
  for (const name of names) write(name, '');
  const found = findLoadFiles([folder]).map((file) => path.basename(file));
  expect(found).toEqual(['Patient.ndjson', 'Claim.ndjson.gz', 'bundle.json', 'Provenance.ndjson']);
  expect(() => findLoadFiles([path.join(folder, 'absent')])).toThrow('no such file or folder');
  rmSync(folder, { recursive: true });
});
