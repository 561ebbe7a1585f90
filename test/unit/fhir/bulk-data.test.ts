import { describe, expect, it } from '@jest/globals';
import {
  classifyStatusAnswer,
  kickOffBody,
  kickOffQuery,
  readManifest,
  readProgress,
} from '../../../fhir/bulk-data.ts';
import { ExchangeError } from '../../../fhir/errors.ts';

const BASE = 'https://old.example/fhir/status/1';
const TIME = '2021-01-01T00:00:00Z';

describe('a manifest', () => {
  it('of 1.0 to 3.0 gives its files with their lists', () => {
    const manifest = readManifest(
      {
        transactionTime: TIME,
        request: 'https://old.example/fhir/Patient/$export',
        requiresAccessToken: true,
        output: [{ type: 'Patient', url: 'https://old.example/f/1', count: 2, extension: { x: 1 } }],
        error: [{ type: 'OperationOutcome', url: 'https://old.example/f/2' }],
        deleted: [{ type: 'Bundle', url: 'https://old.example/f/3' }],
        extension: { vendor: true },
      },
      BASE,
    );
    expect(manifest.transactionTime).toBe(TIME);
    expect(manifest.files.map(({ list, type, announcedCount }) => [list, type, announcedCount])).toEqual([
      ['output', 'Patient', 2],
      ['error', 'OperationOutcome', undefined],
      ['deleted', 'Bundle', undefined],
    ]);
  });

  it('of 4.0 may have outcome for error, an array of extensions and no request', () => {
    const manifest = readManifest(
      {
        manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
        transactionTime: TIME,
        requiresAccessToken: false,
        output: [{ type: 'Patient', url: 'https://example.org/1', fileSize: 12 }],
        outcome: [{ url: 'https://example.org/e' }],
        extension: [{ url: 'u', valueBoolean: true }],
      },
      BASE,
    );
    expect(manifest.requiresAccessToken).toBe(false);
    expect(manifest.files.map(({ list, url }) => [list, url])).toEqual([
      ['output', 'https://example.org/1'],
      ['error', 'https://example.org/e'],
    ]);
  });

  it('may leave empty lists out or null, and count wrongly', () => {
    const manifest = readManifest(
      { transactionTime: TIME, output: [{ url: '../files/1', count: 'many' }], error: null },
      BASE,
    );
    expect(manifest).toEqual({
      transactionTime: TIME,
      requiresAccessToken: true,
      files: [{ list: 'output', type: undefined, url: 'https://old.example/fhir/files/1', announcedCount: undefined }],
      next: undefined,
    });
  });

  it.each([
    [{ type: 'Observation\0' }, 'type'],
    [{ type: 7 }, 'type'],
    [{ count: 2 ** 40 }, 'announcedCount'],
    [{ count: -1 }, 'announcedCount'],
    [{ count: 1.5 }, 'announcedCount'],
  ] as const)('takes a file with %j, and what makes no sense for absent', (odd, field) => {
    const entry = { type: 'Observation', url: '../files/1', count: 3, ...odd };
    const [file] = readManifest({ transactionTime: TIME, output: [entry] }, BASE).files;
    expect(file).toMatchObject({ list: 'output', [field]: undefined });
  });

  it.each([
    [{ output: [] }, 'transactionTime'],
    [{ transactionTime: 'yesterday', output: [] }, 'transactionTime'],
    [{ transactionTime: TIME, output: [{ type: 'Patient' }] }, 'output.0.url'],
    [{ transactionTime: TIME, output: {} }, 'output'],
    [{ transactionTime: TIME, requiresAccessToken: 'no', output: [] }, 'requiresAccessToken'],
    ['text', 'no object'],
  ])('%j is refused at %s', (body, field) => {
    let thrown: unknown;
    try {
      readManifest(body, BASE);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExchangeError);
    expect(thrown).toMatchObject({ code: 'peer-invalid', detail: `export manifest: ${field}` });
  });
});

describe('a kick-off', () => {
  const entries = [
    '{ "name": "_since", "valueInstant": "2019-10-25T11:01:45.660-04:00" }',
    '{"name":"patient","valueReference":{"reference":"Patient/123"}}',
    '{"name":"vendor","valueDecimal":1.50}',
  ];

  it('has the matched member in the place of the posted one, and everything else as it was posted', () => {
    expect(kickOffBody({ form: 'type-level', patientId: 'm1', entries })).toBe(
      `{"resourceType":"Parameters","parameter":[${entries[0]},${entries[2]},{"name":"patient","valueReference":{"reference":"Patient/m1"}}]}`,
    );
  });

  it('at instance level names no patient', () => {
    expect(kickOffBody({ form: 'instance-level', patientId: 'm1', entries: entries.slice(1, 2) })).toBe(
      '{"resourceType":"Parameters","parameter":[]}',
    );
  });

  it('becomes a query of its simple values', () => {
    const query = kickOffQuery([
      ...entries.slice(0, 2),
      '{"name":"_type","valueString":"A"}',
      '{"name":"_type","valueString":"B"}',
    ]);
    expect([...(query ?? [])]).toEqual([
      ['_since', '2019-10-25T11:01:45.660-04:00'],
      ['_type', 'A'],
      ['_type', 'B'],
    ]);
  });

  it('has no query where an entry is no simple value', () => {
    expect(kickOffQuery(['{"name":"includeAssociatedData","valueCoding":{"code":"x"}}'])).toBeUndefined();
  });
});

describe('X-Progress', () => {
  it.each([
    ['50%', 50],
    ['about 12.5 % done', 12.5],
    ['100', 100],
    ['250%', undefined],
    ['in-progress', undefined],
    ['3 of 10 files', undefined],
    [undefined, undefined],
  ])('%s is %s', (header, percent) => {
    expect(readProgress(header)).toBe(percent);
  });
});

describe('an answer to a status request', () => {
  const issue = (code: string): readonly [{ severity: string; code: string; codings: []; text: string }] => [
    { severity: 'error', code, codings: [], text: '' },
  ];

  it.each(['transient', 'timeout', 'throttled', 'lock-error', 'exception', 'no-store', 'incomplete'])(
    'with issue code %s leaves the export alive',
    (code) => {
      expect(classifyStatusAnswer(500, issue(code))).toBe('busy');
    },
  );

  it('without one of them ends it', () => {
    expect(classifyStatusAnswer(500, issue('processing'))).toBe('failed');
    expect(classifyStatusAnswer(400, undefined)).toBe('failed');
  });
});
