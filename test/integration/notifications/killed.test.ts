import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addPayerTask } from '../../support/add-payer.ts';
import { eventually } from '../../support/eventually.ts';
import { startHookReceiver } from '../../support/hook-receiver.ts';
import type { HookReceiver } from '../../support/hook-receiver.ts';
import { startMailServer } from '../../support/mail-server.ts';
import type { MailServer } from '../../support/mail-server.ts';
import { QUICK_NOTIFICATIONS, subscription } from '../../support/notifications.ts';
import { payerProcess } from '../../support/processes/payer-process.ts';
import type { PayerProcess } from '../../support/processes/payer-process.ts';

let receiver: HookReceiver;
let mailServer: MailServer;
let payer: PayerProcess;

beforeAll(async () => {
  receiver = await startHookReceiver();
  mailServer = await startMailServer();
  payer = await payerProcess(
    { notifications: { ...QUICK_NOTIFICATIONS, attempts: 1000, privateHosts: [receiver.host] } },
    { SMTP_URL: mailServer.url, NOTIFY_FROM: 'p2p@payer.example', NOTIFY_TO: 'admin@payer.example' },
  );
});
afterAll(async () => {
  await payer.killEverything();
  payer.remove();
  await receiver.close();
  await mailServer.close();
});

describe('a payer that is killed when a Task has been written', () => {
  it('tells of it once it is started again, by hook and by mail', async () => {
    await payer.start();
    await payer.ask('POST', 'Subscription', JSON.stringify(subscription(receiver.url)));
    await receiver.close();
    const posted = await payer.ask('POST', 'Task', addPayerTask());
    expect(posted.status).toBe(201);
    const { id } = JSON.parse(posted.text) as { id: string };
    await payer.killEverything();
    await receiver.open();
    await payer.start();
    await eventually(() => (receiver.taken(id).length > 0 ? true : undefined), 'the hook is called');
    await eventually(() => {
      const receivers = new Set(mailServer.mails.filter(({ content }) => content.includes(id)).map(({ to }) => to));
      return receivers.size === 2 ? true : undefined;
    }, 'both mails arrive');
    expect(receiver.taken(id)).toEqual(['requested']);
  });
});
