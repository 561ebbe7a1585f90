import { printJson } from './json.ts';
import type { JsonObject } from './json.ts';

export type ResourceBody = JsonObject & { readonly resourceType: string; readonly id: string };

export interface SampleResource {
  readonly type: string;
  readonly id: string;
  /** One NDJSON line, without its newline. */
  readonly text: string;
}

export function printed(body: ResourceBody): SampleResource {
  return { type: body.resourceType, id: body.id, text: printJson(body) };
}

/** What a reference needs of its target. */
export interface Target {
  readonly resourceType: string;
  readonly id: string;
}

export function referenceTo({ resourceType, id }: Target, display?: string): JsonObject {
  return { reference: `${resourceType}/${id}`, display };
}
