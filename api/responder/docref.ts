import { Router } from 'express';
import type { Request, Response } from 'express';
import { documentsAsked, readDocumentRequest } from '../../fhir/document-request.ts';
import type { DocumentRequest } from '../../fhir/document-request.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import type { Fields } from '../../fhir/member-match.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { callerOfRequest } from '../auth.ts';
import { bundleText, outcomeEntry, searchEntry } from '../fhir-rest/bundle-text.ts';
import { accessOf, readPreferences } from '../fhir-rest/interaction.ts';
import type { RestContext, RestDeps } from '../fhir-rest/interaction.ts';
import { notApplied, warning } from '../fhir-rest/not-applied.ts';
import { linksOf } from '../fhir-rest/search.ts';
import { firstVisible } from '../fhir-rest/search-pages.ts';
import { readSearch } from '../fhir-rest/search-parameters.ts';
import { planSearch } from '../fhir-rest/search-plan.ts';
import { sendText } from '../outcome.ts';
import { onlyMethods } from './only-methods.ts';
import { operationParameters } from './operation-parameters.ts';

const TYPE = 'DocumentReference';
const PATH = `/${TYPE}/$docref`;
/** One Bundle without pages. */
const MOST_DOCUMENTS = 1000;

/** `GET` and `POST DocumentReference/$docref` (US Core): the documents of one member. None is made for the request. */
export function docrefRouter(deps: RestDeps): Router {
  const router = Router({ caseSensitive: true });
  const answer = async (req: Request, res: Response): Promise<void> => {
    const context: RestContext = {
      ...{ store: deps.store, baseUrl: deps.baseUrl },
      access: accessOf(callerOfRequest(res), deps.visibility),
      prefer: readPreferences(req.get('Prefer')),
    };
    context.access.assertScope(TYPE, 's');
    const request = readDocumentRequest(operationParameters(req));
    const { patientId, ignored } = request;
    if (context.prefer.strict && ignored.length > 0) {
      throw new ExchangeError('not-supported', { diagnostics: notApplied(ignored) });
    }
    const patient = (await context.access.reaches(patientId))
      ? await context.store.read('Patient', patientId)
      : undefined;
    if (patient === undefined || patient.deleted) throw new ExchangeError('not-found');
    const documents = request.onDemand ? [] : await documentsOf(context, request);
    const entries = documents.map((document) => searchEntry(context.baseUrl, document, 'match'));
    if (ignored.length > 0) entries.push(outcomeEntry(warning(ignored)));
    const links = linksOf(`${context.baseUrl}${PATH}`, request, undefined);
    sendText(res, 200, bundleText({ type: 'searchset', total: documents.length, links, entries }));
  };
  router.all(PATH, onlyMethods('GET', 'HEAD', 'POST'));
  router.get(PATH, answer);
  router.post(PATH, answer);
  return router;
}

/** @throws ExchangeError `too-costly` */
async function documentsOf(
  context: RestContext,
  { patientId, type, care }: DocumentRequest,
): Promise<readonly StoredResource[]> {
  const query = new URLSearchParams({ patient: patientId, origin: 'all', ...(type !== undefined && { type }) });
  const plan = await planSearch(context, readSearch(TYPE, query, context.baseUrl));
  // Evidence is what a payer sent us, as it was: no document of the member.
  const documents = { ...plan, scope: { ...plan.scope, includeEvidence: false } };
  const { resources, isWhole } = await firstVisible(context, documents, MOST_DOCUMENTS);
  if (!isWhole) throw new ExchangeError('too-costly', { diagnostics: 'Narrowed by type, there are fewer documents.' });
  const read = resources.map((resource) => ({ ...resource, content: JSON.parse(resource.text) as Fields }));
  return documentsAsked(read, care);
}
