import { Router } from 'express';
import { subscriptionRouter } from '../api/notifications/subscription.ts';
import { taskHookRouter } from '../api/notifications/task-hook.ts';
import { notificationsPart } from '../api/p2p/notifications.ts';
import type { P2pPart } from '../api/p2p/part.ts';
import { addPayerRouter } from '../api/requester/add-payer.ts';
import { MAIL_SUBSCRIPTION } from './wire-notifications.ts';
import type { Wiring } from './wiring.ts';

/** On PORT, behind a token. */
export function notificationRoutes({ config, notification, requester }: Wiring): Router {
  const { subscriptions, hook } = notification;
  const baseUrl = config.fhirBaseUrl;
  const router = Router();
  router.use(
    addPayerRouter({ tasks: requester.tasks, baseUrl }),
    subscriptionRouter({ subscriptions, baseUrl, assertEndpoint: (url) => hook.assert(url) }),
  );
  return router;
}

/** On P2P_PORT: for the operator, and, with a secret of its own, for the Subscription that is seeded. */
export function notificationP2p(wiring: Wiring): { readonly part: P2pPart; readonly open: Router } {
  const { config, notification, requester } = wiring;
  const { notifications, subscriptions, deliver } = notification;
  return {
    part: notificationsPart({ notifications, deliver }),
    open: taskHookRouter({
      ...{ subscriptions, notifications, deliver, subscriptionId: MAIL_SUBSCRIPTION },
      administrators: config.mail?.to,
      baseUrl: config.fhirBaseUrl,
      async payerName(taskId) {
        const { payerPid } = await requester.exchanges.load(taskId);
        const servers = await wiring.servers.list();
        return servers.find(({ pid }) => pid === payerPid)?.name ?? `payer ${payerPid}`;
      },
    }),
  };
}
