import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import { readSubscription, subscriptionText, withKeptHeaders } from '../../fhir/subscription.ts';
import type { StoredSubscription, SubscriptionSearch, SubscriptionStore } from '../../store/subscriptions.ts';
import { requireOperator } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendText } from '../outcome.ts';

export interface SubscriptionDeps {
  readonly subscriptions: SubscriptionStore;
  /** @throws ExchangeError where events may not go to that URL */
  readonly assertEndpoint: (url: string) => void;
  readonly baseUrl: string;
}

type ById = Request<{ id: string }>;

const PARAMETERS = ['_id', 'status', 'criteria', '_format'];

/** `Subscription` on Task: create, read, search, update and delete, for the operator alone. */
export function subscriptionRouter({ subscriptions, assertEndpoint, baseUrl }: SubscriptionDeps): Router {
  const router = Router();
  router.use('/Subscription', requireOperator);

  /** @throws ExchangeError naming what is wrong with the Subscription */
  const checked = (req: Request, stored?: string): string => {
    const text = bodyText(req);
    const { endpoint } = readSubscription(text);
    try {
      assertEndpoint(endpoint);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      throw new ExchangeError('request-unprocessable', {
        expression: 'Subscription.channel.endpoint',
        diagnostics: 'An https URL of a public address is expected, or one of notifications.privateHosts.',
      });
    }
    return withKeptHeaders(text, stored);
  };
  const send = (res: Response, status: number, subscription: StoredSubscription): void => {
    const { id, version } = subscription;
    res.setHeader('ETag', `W/"${version}"`);
    if (status === 201) res.setHeader('Location', `${baseUrl}/Subscription/${id}/_history/${version}`);
    sendText(res, status, subscriptionText(subscription.text, subscription));
  };
  const find = async (id: string): Promise<StoredSubscription> => {
    const found = await subscriptions.read(id);
    if (found === undefined) throw new ExchangeError('not-found');
    return found;
  };

  router.post('/Subscription', async (req, res) => {
    send(res, 201, await subscriptions.create(randomUUID(), checked(req)));
  });
  router.get('/Subscription', async (req, res) => {
    const found = await subscriptions.search(searchOf(req));
    sendText(res, 200, searchset(found, `${baseUrl}${req.url}`, baseUrl));
  });
  router.get('/Subscription/:id', async (req: ById, res) => {
    send(res, 200, await find(req.params.id));
  });
  router.put('/Subscription/:id', async (req: ById, res) => {
    const { id } = req.params;
    assertOwnId(bodyText(req), id);
    const stored = await subscriptions.read(id);
    const text = checked(req, stored?.text);
    assertVersion(req, stored?.version);
    if (stored === undefined) send(res, 201, await subscriptions.create(id, text));
    else send(res, 200, await subscriptions.update(id, stored.version, text));
  });
  router.delete('/Subscription/:id', async (req: ById, res) => {
    await subscriptions.remove(req.params.id);
    res.status(204).end();
  });
  router.use('/Subscription', () => {
    throw new ExchangeError('not-supported', { diagnostics: 'Supported: read, search, create, update and delete.' });
  });
  return router;
}

/** @throws ExchangeError `version-conflict` where If-Match names another version */
export function assertVersion(req: Request, version: number | undefined): void {
  const asked = req.get('If-Match');
  if (asked !== undefined && asked.replace(/^W\//, '') !== `"${version ?? ''}"`) {
    throw new ExchangeError('version-conflict');
  }
}

/** @throws ExchangeError `request-invalid` where the resource has another id than its URL, or none */
export function assertOwnId(text: string, id: string): void {
  let resource: unknown;
  try {
    resource = JSON.parse(text);
  } catch {
    // Whoever reads the text says so.
    return;
  }
  const own = typeof resource === 'object' && resource !== null && 'id' in resource ? resource.id : undefined;
  if (isFhirId(id) && own === id) return;
  throw new ExchangeError('request-invalid', {
    expression: 'id',
    diagnostics: 'The id of the resource is the one in the URL.',
  });
}

function searchOf({ query }: Request): SubscriptionSearch {
  for (const name of Object.keys(query)) {
    if (PARAMETERS.includes(name)) continue;
    throw new ExchangeError('not-supported', {
      diagnostics: `Accepted: ${PARAMETERS.join(', ')}.`,
      expression: 'http.query',
    });
  }
  const values = (name: string): string[] => [query[name] ?? []].flat().map(String);
  const tokens = (name: string): string[] =>
    values(name).flatMap((value) => value.split(',').map((token) => token.slice(token.lastIndexOf('|') + 1)));
  const [ids, statuses, [criteria]] = [tokens('_id'), tokens('status'), values('criteria')];
  return {
    ...(ids.length > 0 && { ids }),
    ...(statuses.length > 0 && { statuses }),
    ...(criteria !== undefined && { criteria }),
  };
}

function searchset(found: readonly StoredSubscription[], self: string, baseUrl: string): string {
  const entries = found.map((each) => {
    const fullUrl = JSON.stringify(`${baseUrl}/Subscription/${each.id}`);
    return `{"fullUrl":${fullUrl},"resource":${subscriptionText(each.text, each)},"search":{"mode":"match"}}`;
  });
  const link = JSON.stringify([{ relation: 'self', url: self }]);
  const head = `"resourceType":"Bundle","type":"searchset","total":${found.length},"link":${link}`;
  return `{${head},"entry":[${entries.join(',')}]}`;
}
