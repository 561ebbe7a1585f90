import { beforeAll, describe, expect, it } from '@jest/globals';
import { MATCHED, matches, useRestApi } from '../../support/rest-api.ts';
import type { RestAnswer } from '../../support/rest-api.ts';

const included = ({ json }: RestAnswer): readonly (string | undefined)[] =>
  (json.entry ?? []).filter(({ search }) => search?.mode === 'include').map(({ resource }) => resource?.id);

describe('includes', () => {
  const { ask, put } = useRestApi();

  beforeAll(async () => {
    await put('Organization', 'parent', ',"name":"Parent"');
    await put(
      'Organization',
      'hospital',
      ',"partOf":{"reference":"Organization/parent"},"identifier":[{"system":"npi","value":"5"}]',
    );
    await put('Practitioner', 'doc');
    await put(
      'PractitionerRole',
      'role',
      ',"practitioner":{"reference":"Practitioner/doc"},"organization":{"reference":"Organization/hospital"}',
    );
    await put('Patient', MATCHED, ',"name":[{"family":"Match"}]');
    await put('Patient', 'other', ',"name":[{"family":"Match"}]');
    for (const id of [MATCHED, 'other']) {
      await put(
        'Coverage',
        `cov-${id}`,
        `,"beneficiary":{"reference":"Patient/${id}"},"payor":[{"reference":"Organization/hospital"}]`,
      );
      await put(
        'Encounter',
        `enc-${id}`,
        `,"subject":{"reference":"Patient/${id}"},"serviceProvider":{"reference":"Organization?identifier=npi|5"}`,
      );
    }
    await put(
      'ExplanationOfBenefit',
      'eob',
      `,"patient":{"reference":"Patient/${MATCHED}"},"insurer":{"reference":"Organization/hospital"},"provider":{"reference":"PractitionerRole/role"},"careTeam":[{"sequence":1,"provider":{"reference":"Practitioner/doc"}}],"insurance":[{"focal":true,"coverage":{"reference":"Coverage/cov-${MATCHED}"}},{"focal":false,"coverage":{"reference":"Coverage/cov-other"}}]`,
    );
    await put(
      'Observation',
      'obs',
      `,"subject":{"reference":"Patient/${MATCHED}"},"encounter":{"reference":"Encounter/enc-${MATCHED}"}`,
    );
    await put(
      'Observation',
      'crossing',
      `,"subject":{"reference":"Patient/${MATCHED}"},"encounter":{"reference":"Encounter/enc-other"}`,
    );
    await put('Provenance', 'prov', ',"target":[{"reference":"Observation/obs"}],"recorded":"2026-01-01T00:00:00Z"');
    await put(
      'Provenance',
      'prov-other',
      ',"target":[{"reference":"Encounter/enc-other"},{"reference":"Observation/obs"}],"recorded":"2026-01-01T00:00:00Z"',
    );
  });

  it.each([
    ['insurer', ['hospital']],
    ['provider', ['role']],
    ['provider:PractitionerRole', ['role']],
    ['provider:Organization', []],
    ['care-team', ['doc']],
    ['coverage', [`cov-${MATCHED}`, 'cov-other']],
    ['patient', [MATCHED]],
    ['*', [MATCHED, 'hospital', 'role', 'doc', `cov-${MATCHED}`, 'cov-other']],
  ])('bring what ExplanationOfBenefit:%s points to', async (parameter, expected) => {
    const answer = await ask(`/ExplanationOfBenefit?_id=eob&_include=ExplanationOfBenefit:${parameter}`);
    expect([...included(answer)].sort()).toEqual([...expected].sort());
  });

  it('follow references that name an identifier', async () => {
    expect(included(await ask(`/Encounter?_id=enc-other&_include=Encounter:service-provider`))).toEqual(['hospital']);
  });

  it('go on from what they brought where that is asked for', async () => {
    const answer = await ask(
      '/ExplanationOfBenefit?_id=eob&_include=ExplanationOfBenefit:insurer&_include:iterate=Organization:partof',
    );
    expect(included(answer)).toEqual(['hospital', 'parent']);
  });

  it('bring each resource once, and no match again', async () => {
    const answer = await ask(`/Coverage?_id=cov-${MATCHED},cov-other&_include=Coverage:payor&_include=*`);
    expect([...included(answer)].sort()).toEqual([MATCHED, 'hospital', 'other'].sort());
  });

  it.each([
    ['Patient?_id=other&_revinclude=Coverage:patient', ['cov-other']],
    [`Encounter?_id=enc-${MATCHED}&_revinclude=Observation:encounter`, ['obs']],
    ['Practitioner?_id=doc&_revinclude=PractitionerRole:practitioner', ['role']],
    ['Observation?_id=obs&_revinclude=Provenance:target', ['prov']],
  ])('bring what points to the matches: %s', async (url, expected) => {
    expect(included(await ask(`/${url}`))).toEqual(expected);
  });

  it('that are not carried out are told, or refused when handling is strict', async () => {
    for (const value of ['_include=Observation:nothing', '_revinclude=Observation:nothing', '_revinclude=*']) {
      const { json } = await ask(`/Observation?_id=obs&${value}`);
      const outcome = json.entry?.find(({ search }) => search?.mode === 'outcome')?.resource;
      expect([value, outcome?.issue?.[0]?.diagnostics]).toEqual([value, expect.stringContaining('include')]);
      const strict = await ask(`/Observation?_id=obs&${value}`, { headers: { Prefer: 'handling=strict' } });
      expect([value, strict.status, strict.code]).toEqual([value, 400, 'not-supported']);
    }
  });

  describe('S18: for a partner', () => {
    const asPartner = (path: string) => ask(path, { as: 'partner' });

    it('bring shared resources, and of records those of its members alone', async () => {
      const answer = await asPartner('/ExplanationOfBenefit?_id=eob&_include=*');
      expect([...included(answer)].sort()).toEqual([`cov-${MATCHED}`, MATCHED, 'doc', 'hospital', 'role'].sort());
    });

    it('bring nothing of another member that a record points to', async () => {
      const answer = await asPartner('/Observation?_id=crossing&_include=Observation:encounter');
      expect(matches(answer)).toEqual(['crossing']);
      expect(included(answer)).toEqual([]);
    });

    it('bring no Provenance from the compartment of another member', async () => {
      const answer = await asPartner(`/Observation?patient=${MATCHED}&_revinclude=Provenance:target`);
      expect(included(answer)).toEqual(['prov']);
    });

    it('bring nothing that points to another member', async () => {
      expect(await asPartner('/Patient?_id=other&_revinclude=Coverage:patient')).toMatchObject({
        status: 200,
        json: { total: 0 },
      });
    });

    it('chains lead to its members alone', async () => {
      expect(matches(await asPartner('/Observation?patient.name=match'))).toEqual(['crossing', 'obs']);
      expect(matches(await asPartner('/Coverage?patient.name=match'))).toEqual([`cov-${MATCHED}`]);
    });
  });
});
