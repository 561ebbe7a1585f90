import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { EVERYTHING_PAGE, readEverything } from '../../fhir/everything.ts';
import type { EverythingRequest } from '../../fhir/everything.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import type { ProvenanceContext } from '../../fhir/provenance.ts';
import { callerOfRequest } from '../auth.ts';
import { bundleText, outcomeEntry, searchEntry } from '../fhir-rest/bundle-text.ts';
import { accessOf, readPreferences } from '../fhir-rest/interaction.ts';
import type { RestContext, RestDeps } from '../fhir-rest/interaction.ts';
import { notApplied, warning } from '../fhir-rest/not-applied.ts';
import { linksOf } from '../fhir-rest/search.ts';
import { sendText } from '../outcome.ts';
import { everythingPage } from './everything-page.ts';
import { transmissionEntries } from './everything-transmission.ts';
import { onlyMethods } from './only-methods.ts';
import { operationParameters } from './operation-parameters.ts';
import type { Visibility } from './visibility.ts';

export interface EverythingDeps extends RestDeps {
  readonly visibility: Visibility;
  /** Our own Organization, which says in a Provenance that it was us who transmitted; undefined: nobody says so. */
  readonly ownOrganization: string | undefined;
  readonly provenanceProfile: ProvenanceContext['profile'];
}

const PATH = '/Patient/:id/$everything';

/** `GET` and `POST Patient/<id>/$everything`: all compartments of one member, and what their records refer to. */
export function everythingRouter(deps: EverythingDeps): Router {
  const router = Router({ caseSensitive: true });
  const answer = async (req: Request<{ id: string }>, res: Response): Promise<void> => {
    const caller = callerOfRequest(res);
    const context: RestContext = {
      ...{ store: deps.store, baseUrl: deps.baseUrl },
      access: accessOf(caller, deps.visibility),
      prefer: readPreferences(req.get('Prefer')),
    };
    const { id } = req.params;
    context.access.assertScope('Patient', 'r');
    const request = readEverything(operationParameters(req as Request, [EVERYTHING_PAGE]));
    if (context.prefer.strict && request.ignored.length > 0) {
      throw new ExchangeError('not-supported', { diagnostics: notApplied(request.ignored) });
    }
    for (const type of request.types ?? []) context.access.assertScope(type, 'r');
    const isReached =
      isFhirId(id) && (caller.kind === 'operator' || (await deps.visibility.matchOf(caller, id)) !== undefined);
    if (!isReached) throw new ExchangeError('not-found');
    const isPartner = caller.kind === 'partner';
    sendText(res, 200, await bundleOf(deps, context, isPartner, id, request));
  };
  router.all(PATH, onlyMethods('GET', 'HEAD', 'POST'));
  router.get(PATH, answer);
  router.post(PATH, answer);
  return router;
}

async function bundleOf(
  deps: EverythingDeps,
  context: RestContext,
  isPartner: boolean,
  patientId: string,
  request: EverythingRequest,
): Promise<string> {
  const patient = await context.store.read('Patient', patientId);
  if (patient === undefined) throw new ExchangeError('not-found');
  if (patient.deleted) throw new ExchangeError('deleted');
  const page = await everythingPage(context, patientId, request);
  const entries = page.resources.map((resource) => searchEntry(context.baseUrl, resource, resource.mode));
  if (isPartner && context.access.allows('Provenance', 'r'))
    entries.push(...transmissionEntries(deps, patientId, request, page));
  if (request.ignored.length > 0) entries.push(outcomeEntry(warning(request.ignored)));
  const isWhole = request.page === undefined && page.next === undefined;
  return bundleText({
    type: 'searchset',
    ...(isWhole && { total: page.resources.filter(({ mode }) => mode === 'match').length }),
    links: linksOf(`${context.baseUrl}/Patient/${patientId}/$everything`, request, page.next),
    entries,
  });
}
