import { describe, expect, it } from '@jest/globals';
import { isMailAddress, mailsOf, mailTemplates, mailText } from '../../../fhir/notification.ts';

const templates = mailTemplates.parse({ exchangeFailed: { subject: '{{status}} {{payerName}}', text: 'a {{link}}.' } });

describe('a mail', () => {
  it('says what its template says, and nothing where there is no value', () => {
    const mail = mailText(templates, 'exchangeFailed', { status: 'failed', payerName: 'Old Plan' });
    expect(mail).toEqual({ subject: 'failed Old Plan', text: 'a .' });
  });

  it('keeps a value that somebody typed to one line, and short', () => {
    const mail = mailText(templates, 'exchangeFailed', { payerName: `A\r\nBcc: x\n${'y'.repeat(5000)}` });
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.subject.length).toBeLessThan(400);
  });

  it('takes a value for no template', () => {
    const values = { status: 'failed', payerName: '{{link}}', link: 'x' };
    expect(mailText(templates, 'exchangeFailed', values).subject).toBe('failed {{link}}');
  });

  it('names, by default, no member', () => {
    const { memberFirstName, ...plain } = { memberFirstName: 'Ann', taskId: 't', payerName: 'P', status: 's' };
    for (const kind of ['exchangeCompleted', 'addPayerRequested', 'addPayerReceived'] as const) {
      const { subject, text } = mailText(mailTemplates.parse({}), kind, { memberFirstName, ...plain });
      expect(subject + text).not.toContain('Ann');
    }
  });

  it.each([{ subject: 'a\nb' }, { text: '{{memberSecret}}' }, { text: '' }, { body: 'x' }])(
    'has no template %j',
    (exchangeFailed) => {
      expect(mailTemplates.safeParse({ exchangeFailed }).success).toBe(false);
    },
  );

  it.each([
    ['completed', ['exchangeCompleted']],
    ['failed', ['exchangeFailed']],
    ['cancelled', []],
    ['requested', []],
    ['in-progress', []],
  ])('of an exchange that is %s is %j', (status, kinds) => {
    expect(mailsOf({ code: 'data-request', status }).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('of a request to add a payer goes out when it is made, and not when it is closed', () => {
    const code = 'p2p-request-add-provider-id';
    expect(mailsOf({ code, status: 'requested' }).map(({ to }) => to)).toEqual(['administrators', 'member']);
    expect(mailsOf({ code, status: 'completed' })).toEqual([]);
  });
});

describe('an address', () => {
  it.each(['ann@member.example', 'a.b+c@x-y.example', "o'neill@example.org"])('is %s', (text) => {
    expect(isMailAddress(text)).toBe(true);
  });

  it.each([
    '<member_email_address>',
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    'Ann <a@b.example>',
    'a@b@c',
    'a@',
    '@b',
    'a b@c.example',
    `${'a'.repeat(250)}@b.example`,
  ])('is not %j', (text) => {
    expect(isMailAddress(text)).toBe(false);
  });
});
