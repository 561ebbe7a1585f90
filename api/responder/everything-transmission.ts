import type { EverythingRequest } from '../../fhir/everything.ts';
import { PROVENANCE_TARGETS, provenanceOfPage } from '../../fhir/provenance.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { EverythingPage } from './everything-page.ts';
import type { EverythingDeps } from './everything.ts';

/**
 * The Provenance of what a page holds, with us as transmitter (PDex pdex-127). The same page, asked for again, has the same
 * ones: a payer that asks for everything each month gets no new ones for what has not changed.
 */
export function transmissionEntries(
  { ownOrganization, provenanceProfile: profile, baseUrl }: EverythingDeps,
  patientId: string,
  { types }: EverythingRequest,
  { resources, asOf }: EverythingPage,
): readonly string[] {
  if (ownOrganization === undefined || (types !== undefined && !types.includes('Provenance'))) return [];
  const targets = resources.map((resource) => keyOf(resource));
  const entries: string[] = [];
  for (let at = 0; at < targets.length; at += PROVENANCE_TARGETS) {
    const some = targets.slice(at, at + PROVENANCE_TARGETS);
    const context = {
      ...{ exchangeId: `everything/${patientId}/${asOf}/${some.join(' ')}`, profile, recorded: asOf },
      ...{ respondingOrganization: `Organization/${ownOrganization}`, localPatient: `Patient/${patientId}` },
    };
    const provenance = provenanceOfPage(context, 0, some);
    const fullUrl = JSON.stringify(`${baseUrl}/Provenance/${provenance.id ?? ''}`);
    entries.push(`{"fullUrl":${fullUrl},"resource":${JSON.stringify(provenance)},"search":{"mode":"include"}}`);
  }
  return entries;
}
