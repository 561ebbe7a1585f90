import type { ExportForm } from './bulk-data.ts';
import { isRecord } from './parameters.ts';

/**
 * How a payer's CapabilityStatement offers the export of one member. `Patient/$export` is the standard's form; one that
 * advertises an instance-level operation on Patient alone (by its definition's name: `Patient-i-export`,
 * `patient-instance-export`) is asked at `Patient/<id>/$export`.
 */
export function advertisedExportForm(capabilityStatement: unknown): ExportForm {
  const definitions = operationsOf(capabilityStatement, 'Patient')
    .filter(({ name }) => name === 'export' || name === 'patient-export')
    .map(({ definition }) => definition);
  const isInstance = (definition: string): boolean => /(-i-export|instance-?(level-)?export)(\|.*)?$/i.test(definition);
  return definitions.length > 0 && definitions.every(isInstance) ? 'instance-level' : 'type-level';
}

function operationsOf(statement: unknown, type: string): { readonly name: string; readonly definition: string }[] {
  const rest = listOf(statement, 'rest');
  const resources = rest.flatMap((each) => listOf(each, 'resource')).filter((each) => each['type'] === type);
  return resources
    .flatMap((each) => listOf(each, 'operation'))
    .map(({ name, definition }) => ({ name: textOf(name).replace(/^\$/, ''), definition: textOf(definition) }));
}

function listOf(value: unknown, key: string): Readonly<Record<string, unknown>>[] {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
