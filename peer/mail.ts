import { createTransport } from 'nodemailer';
import { z } from 'zod';
import type { MailConfig } from '../config.ts';
import { NotificationError } from './notification-error.ts';

export interface Mail {
  /** The same at each try, so that a mail that came twice can be told. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** @throws NotificationError `notification-refused` where the server refuses for good (5xx), else `notification-failed` */
  send(mail: Mail): Promise<void>;
  close(): void;
}

const WAIT_MS = 15_000;
const smtpError = z.object({ responseCode: z.int().optional(), code: z.string().optional() });

export function createMailer({ smtpUrl, from }: Pick<MailConfig, 'smtpUrl' | 'from'>): Mailer {
  const domain = /@([^@>\s]+)>?$/.exec(from)?.[1] ?? 'localhost';
  const transport = createTransport(
    { url: smtpUrl, connectionTimeout: WAIT_MS, greetingTimeout: WAIT_MS, socketTimeout: WAIT_MS, dnsTimeout: WAIT_MS },
    // A template is a text: it is never to read a file or a URL.
    { from, disableFileAccess: true, disableUrlAccess: true },
  );
  return {
    async send({ id, to, subject, text }) {
      try {
        await transport.sendMail({ to: { name: '', address: to }, subject, text, messageId: `<${id}@${domain}>` });
      } catch (error) {
        const answer = replyCodeOf(error);
        const isForGood = answer !== undefined && answer >= 500;
        throw new NotificationError(isForGood ? 'notification-refused' : 'notification-failed', answer, error);
      }
    },
    close() {
      transport.close();
    },
  };
}

/** Of a login that was refused too, which an operator can put right: that one is tried again. */
function replyCodeOf(error: unknown): number | undefined {
  const { data } = smtpError.safeParse(error);
  return data?.code === 'EAUTH' ? undefined : data?.responseCode;
}
