import { elementsOfType, withElements } from '../../fhir/element-subset.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { passesFilters, readTypeFilters } from '../../fhir/type-filter.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { StoredResource } from '../../store/fhir-store.ts';

/** Whether it changed in the time that is asked for, by `meta.lastUpdated`: after `_since`, not after `_until`. */
export function isInTime({ since, until }: ExportJob, { lastUpdated }: Pick<StoredResource, 'lastUpdated'>): boolean {
  if (since === undefined && until === undefined) return true;
  const isNew = since === undefined || lastUpdated > since.toISOString();
  return isNew && (until === undefined || lastUpdated <= until);
}

/** What is written of a text that may go out: nothing where no filter lets it through, and of the rest what was asked for. */
export type LineOf = (type: string, text: string) => string | undefined;

/** Whether every text of the type is written, and whole. */
export function isWrittenWhole({ typeFilters, elements }: ExportJob, type: string): boolean {
  return !readTypeFilters(typeFilters, '').has(type) && elements.length === 0;
}

export function lineOf({ typeFilters, elements }: ExportJob): LineOf {
  // Absolute references in a filter were checked when it was asked for; records hold relative ones.
  const filters = readTypeFilters(typeFilters, '');
  return (type, text) => {
    if (filters.has(type)) {
      const resource: unknown = JSON.parse(text);
      if (!isRecord(resource) || !passesFilters(filters, resource)) return undefined;
    }
    const names = elements.length === 0 ? undefined : elementsOfType(elements, type);
    return names === undefined ? text : withElements(text, type, names);
  };
}
