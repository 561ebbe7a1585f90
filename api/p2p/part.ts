import type { Router } from 'express';

/** A JSON Schema, or another object of an OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

/** What one file adds to the P2P API: routes behind the operator's token, and how OpenAPI tells of them. */
export interface P2pPart {
  readonly router: Router;
  /** OpenAPI path items by path. */
  readonly paths: Readonly<Record<string, Json>>;
  /** By name: `#/components/schemas/<name>`. */
  readonly schemas: Readonly<Record<string, Json>>;
}
