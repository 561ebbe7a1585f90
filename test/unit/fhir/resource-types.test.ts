import { describe, expect, it } from '@jest/globals';
import {
  RESOURCE_TYPES,
  identifierCardinality,
  isDomainResource,
  isResourceType,
} from '../../../fhir/resource-types.ts';
import { r4Base, r4Element, r4ResourceTypes } from './r4-definitions.ts';

describe('resource types', () => {
  it('are those of FHIR R4', () => {
    expect(r4ResourceTypes.length).toBeGreaterThanOrEqual(146);
    expect([...RESOURCE_TYPES].sort()).toEqual([...new Set(r4ResourceTypes)].sort());
    expect(isResourceType('constructor')).toBe(false);
  });

  it('have identifier as the definitions say', () => {
    const expected = r4ResourceTypes.map((type) => {
      const element = r4Element(type, 'identifier');
      return [type, element === undefined ? 'none' : element.isList ? 'many' : 'one'];
    });
    expect(r4ResourceTypes.map((type) => [type, identifierCardinality(type)])).toEqual(expected);
  });

  it('are domain resources as the definitions say', () => {
    expect(r4ResourceTypes.filter((type) => !isDomainResource(type))).toEqual(
      r4ResourceTypes.filter((type) => r4Base(type) === 'Resource'),
    );
  });
});
