import { createHmac } from 'node:crypto';
import type { ExportFile, Job, State } from './state.ts';

export const FILES_PATH = '/files/';

/** A signed link; `redirect` links are pre-signed: they need no token and accept none. */
export function fileLink(state: State, job: Job, file: ExportFile, via: 'manifest' | 'redirect'): string {
  const path = `${FILES_PATH}${job.id}/${String(file.number).padStart(4, '0')}.${file.type}.ndjson`;
  return `${path}?via=${via}&expires=${job.linksExpireAt}&signature=${signature(state, path, via, String(job.linksExpireAt))}`;
}

export function signature(state: State, path: string, via: string, expires: string): string {
  return createHmac('sha256', state.linkSecret).update(`${path} ${via} ${expires}`).digest('hex');
}

export function nextExpiry(state: State, job: Job): number {
  const { links, linkLifetimeSeconds } = state.behaviour.files;
  const born = links === 'always-expired' || (links === 'first-manifest-expired' && job.manifestsShown === 0);
  return born ? Date.now() - 1000 : Date.now() + linkLifetimeSeconds * 1000;
}
