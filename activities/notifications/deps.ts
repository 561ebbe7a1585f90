import type { MailTemplates } from '../../fhir/notification.ts';
import type { Mailer } from '../../peer/mail.ts';
import type { RestHook } from '../../peer/rest-hook.ts';
import type { NotificationStore } from '../../store/notifications.ts';
import type { Lane } from '../../store/outbox.ts';
import type { SubscriptionStore } from '../../store/subscriptions.ts';

export interface NotificationDeps {
  readonly notifications: NotificationStore;
  readonly subscriptions: SubscriptionStore;
  readonly hook: RestHook;
  /** Undefined where no mail server is configured. */
  readonly mailer: Mailer | undefined;
  readonly templates: MailTemplates;
  /** Starts the run of a lane where there is none (`temporal/notifications.ts`). */
  readonly resume: (lane: Lane) => Promise<void>;
}
