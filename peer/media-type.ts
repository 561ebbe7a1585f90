import { ExchangeError } from '../fhir/errors.ts';
import type { PeerResponse } from './http.ts';

/**
 * What was asked for as FHIR JSON is read whatever its label says, but not where it is markup.
 * @throws ExchangeError `peer-media-type`
 */
export function assertJson(response: PeerResponse, text: string): void {
  if (!/^\s*</.test(text)) return;
  const label = response.header('content-type') ?? 'no type';
  throw new ExchangeError('peer-media-type', { detail: `HTTP ${response.status}: markup, labelled ${label}` });
}
