import { heartbeat } from '@temporalio/activity';
import type { NotificationDeps } from './deps.ts';

/** A notification younger than this may just be on its way from its row to its run. */
const SETTLED_AFTER_MS = 15_000;
const AT_ONCE = 500;
const KEPT_MS = 30 * 86_400_000;

/** Starts what was written and never started, or whose run was ended; forgets what was delivered long ago. */
export async function sweepNotifications({ notifications, resume }: NotificationDeps): Promise<void> {
  const now = Date.now();
  const before = new Date(now - SETTLED_AFTER_MS);
  for (let offset = 0; ; offset += AT_ONCE) {
    const lanes = await notifications.waiting(before, AT_ONCE, offset);
    for (const lane of lanes) await resume(lane);
    heartbeat();
    if (lanes.length < AT_ONCE) break;
  }
  await notifications.forget(new Date(now - KEPT_MS));
}
