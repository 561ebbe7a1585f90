import { isRecord } from './json.ts';

/** FHIR XML of a resource whose members stand in the order the specification gives them. */
export function fhirXml(resource: Record<string, unknown>): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${resourceElement(resource, ' xmlns="http://hl7.org/fhir"')}`;
}

function resourceElement(resource: Record<string, unknown>, namespace = ''): string {
  const { resourceType, ...members } = resource;
  return `<${String(resourceType)}${namespace}>${children(members)}</${String(resourceType)}>`;
}

function children(members: Record<string, unknown>): string {
  return Object.entries(members)
    .filter(([name]) => !name.startsWith('_'))
    .map(([name, value]) => elements(name, value))
    .join('');
}

function elements(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => elements(name, each)).join('');
  if (!isRecord(value)) return name === 'div' ? String(value) : `<${name} value="${escaped(String(value))}"/>`;
  if ('resourceType' in value) return `<${name}>${resourceElement(value)}</${name}>`;
  if (name !== 'extension') return `<${name}>${children(value)}</${name}>`;
  const { url, ...members } = value;
  return `<extension url="${escaped(String(url))}">${children(members)}</extension>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll('\n', '&#10;');
}
