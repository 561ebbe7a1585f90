import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../../fhir/errors.ts';
import { postAddPayer } from '../../support/add-payer.ts';
import { eventually } from '../../support/eventually.ts';
import { startMailServer } from '../../support/mail-server.ts';
import type { MailServer, ReceivedMail } from '../../support/mail-server.ts';
import { notificationsOf, QUICK_NOTIFICATIONS, sendAgain, settled } from '../../support/notifications.ts';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { TestPayer } from '../../support/payer.ts';

const ADMINISTRATORS = ['first@payer.example', 'second@payer.example'];
const MAILS = { addPayerReceived: { subject: 'For {{memberFirstName}}', text: '{{payerName}} ({{taskId}})\n' } };

let server: MailServer;
let payer: TestPayer;

beforeAll(async () => {
  server = await startMailServer();
  payer = await startTestPayer(
    await reserveAddress(),
    {
      notifications: { ...QUICK_NOTIFICATIONS, mails: MAILS },
      oidcServers: [
        { name: 'Old Plan', issuer: 'https://old.example', clientId: 'us', fhirEndpoint: 'https://old.example/fhir' },
      ],
    },
    undefined,
    { SMTP_URL: server.url, NOTIFY_FROM: 'p2p@payer.example', NOTIFY_TO: ADMINISTRATORS.join(', ') },
  );
});
afterAll(async () => {
  await payer.stop();
  await server.close();
});

/** An exchange that ends at once, by the store that its run would write to. */
async function exchange(status: 'completed' | 'failed' | 'cancelled', reason?: ErrorCode): Promise<string> {
  const { exchanges, tasks } = payer.wiring.requester;
  const { taskId } = await exchanges.open({
    ...{ payerPid: 1, organizationId: 'old-plan', localPatientId: 'p1', warnings: [] },
    request: { exportEntries: [], member: { id: 'OnlyThePayerKnows' } },
  });
  await exchanges.setActive(taskId, false);
  const change = { status, businessStatus: 'done', orderedAt: new Date(), ...(reason !== undefined && { reason }) };
  await tasks.record(taskId, change);
  return taskId;
}

const mailsOf = (taskId: string): readonly ReceivedMail[] =>
  server.mails.filter(({ content }) => content.includes(taskId));
const arrived = (taskId: string, count: number): Promise<readonly ReceivedMail[]> =>
  eventually(() => (mailsOf(taskId).length >= count ? mailsOf(taskId) : undefined), `${count} mails`);
const subjectOf = ({ content }: ReceivedMail): string | undefined => /^Subject: (.*)$/m.exec(content)?.[1]?.trim();

describe('mail', () => {
  it('tells every administrator that an exchange has completed', async () => {
    const taskId = await exchange('completed');
    const mails = await arrived(taskId, 2);
    expect(mails.map(({ to }) => to).sort()).toEqual(ADMINISTRATORS);
    for (const mail of mails) {
      expect(subjectOf(mail)).toBe('Payer-to-payer exchange completed');
      expect(mail.content).toContain('Old Plan');
      expect(mail.content).toContain('From: p2p@payer.example');
      expect(mail.content).toContain(`${payer.fhirUrl}/Task/${taskId}`);
    }
  });

  it('tells that one has failed, and by which code, and nothing of the member', async () => {
    const taskId = await exchange('failed', 'peer-unreachable');
    const [mail] = await arrived(taskId, 2);
    expect(mail?.content).toContain('peer-unreachable');
    expect(mail?.content).not.toMatch(/OnlyThePayerKnows|\bp1\b/);
  });

  it('does not tell of one that was cancelled', async () => {
    const cancelled = await exchange('cancelled', 'cancelled');
    await arrived(await exchange('completed'), 2);
    expect(mailsOf(cancelled)).toEqual([]);
    expect((await notificationsOf(payer, `task=${cancelled}`)).filter(({ channel }) => channel === 'mail')).toEqual([]);
  });

  it('tells administrators and the member of a request to add a payer, each what the templates say', async () => {
    const { id } = await postAddPayer(payer, { email: 'ann@member.example', payerName: 'Bright Plan' });
    const mails = await arrived(id, 3);
    expect(mails.map(({ to }) => to).sort()).toEqual(['ann@member.example', ...ADMINISTRATORS]);
    for (const mail of mails) {
      const isMember = mail.to === 'ann@member.example';
      expect(subjectOf(mail)).toBe(isMember ? 'For OnlyAnnKnows' : 'A member asks to add a payer');
      expect(mail.content.includes('OnlyAnnKnows')).toBe(isMember);
      expect(mail.content).toContain('Bright Plan');
    }
  });

  it.each([
    '<member_email_address>',
    'ann@member.example, all@member.example',
    'ann@member.example\r\nBcc: x@y.example',
  ])('goes to no member whose address is %j', async (email) => {
    const { id } = await postAddPayer(payer, { email: JSON.stringify(email).slice(1, -1) });
    await arrived(id, 2);
    const rows = await notificationsOf(payer, `task=${id}`);
    expect(rows.filter(({ receiver }) => receiver === 'member')).toEqual([]);
  });

  it('that a server puts off arrives at a later try, once', async () => {
    server.refuse('late@member.example', 451, 451);
    const { id } = await postAddPayer(payer, { email: 'late@member.example' });
    const [told] = await settled(payer, { taskId: id, receiver: /^member$/, state: 'delivered' });
    expect(told?.attempts).toBe(3);
    expect(mailsOf(id).filter(({ to }) => to === 'late@member.example')).toHaveLength(1);
  });

  it('that a server puts off for ever is laid aside, and is sent again by the operator', async () => {
    server.refuse('never@member.example', 451, 451, 451, 451);
    const { id } = await postAddPayer(payer, { email: 'never@member.example' });
    const [dead] = await settled(payer, { taskId: id, receiver: /^member$/, state: 'failed' });
    expect(dead).toMatchObject({ attempts: 4, code: 'notification-failed', answer: 451 });
    expect((await sendAgain(payer, dead?.id ?? '')).status).toBe(202);
    await settled(payer, { taskId: id, receiver: /^member$/, state: 'delivered' });
    expect(mailsOf(id).filter(({ to }) => to === 'never@member.example')).toHaveLength(1);
  });

  it('that a server refuses for good is laid aside at once, and the others arrive', async () => {
    server.refuse('gone@member.example', 550, 550);
    const { id } = await postAddPayer(payer, { email: 'gone@member.example' });
    const [dead] = await settled(payer, { taskId: id, receiver: /^member$/, state: 'failed' });
    expect(dead).toMatchObject({ attempts: 1, code: 'notification-refused', answer: 550 });
    expect((await arrived(id, 2)).map(({ to }) => to).sort()).toEqual(ADMINISTRATORS);
    expect(payer.logLines.join('')).not.toContain('gone@member.example');
    expect(JSON.stringify(await notificationsOf(payer, `task=${id}`))).not.toContain('@');
  });

  it('of an event that arrives twice goes out once', async () => {
    const taskId = await exchange('completed');
    await arrived(taskId, 2);
    const { text: seeded = '' } = (await payer.wiring.notification.subscriptions.read('task-mail')) ?? {};
    const [, authorization = ''] = /"Authorization: ([^"]+)"/.exec(seeded) ?? [];
    const { text } = await payer.ask('GET', `Task/${taskId}`);
    const again = await payer.ask('PUT', `${payer.p2pUrl}/notifications/Task/${taskId}`, text, { authorization });
    expect(again.status).toBe(200);
    const mails = (await notificationsOf(payer, `task=${taskId}`)).filter(({ channel }) => channel === 'mail');
    expect(mails.map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    expect(mailsOf(taskId)).toHaveLength(2);
  });
});
