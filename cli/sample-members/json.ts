/** A number or string whose spelling matters: printed as it stands. */
const TEXT = Symbol('JSON text');

export interface JsonText {
  readonly [TEXT]: string;
}

export type Json = string | number | boolean | null | JsonText | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** http://hl7.org/fhir/R4/datatypes.html#decimal */
const FHIR_DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/**
 * A decimal with the digits given: FHIR takes `1.50` and `1.5` for different values, a JavaScript number cannot.
 * @throws RangeError when FHIR knows no such decimal
 */
export function decimal(digits: string): JsonText {
  if (!FHIR_DECIMAL.test(digits)) throw new RangeError(`no FHIR decimal: ${digits}`);
  return { [TEXT]: digits };
}

/** A string whose characters beyond ASCII are written as `\u` escapes, as some payers send them. */
export function escaped(text: string): JsonText {
  return { [TEXT]: JSON.stringify(text).replace(/[\u0080-\uffff]/g, unicodeEscape) };
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One line of JSON; properties that are undefined are left out. */
export function printJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(printJson).join(',')}]`;
  if (isText(value)) return value[TEXT];
  const properties: string[] = [];
  for (const [key, each] of Object.entries(value)) {
    if (each !== undefined) properties.push(`${JSON.stringify(key)}:${printJson(each)}`);
  }
  return `{${properties.join(',')}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isText(value: JsonText | JsonObject): value is JsonText {
  return TEXT in value;
}
