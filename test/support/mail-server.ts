import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly to: string;
  /** Header and text, lines that were folded for the way unfolded. */
  readonly content: string;
}

/** A real SMTP server that keeps what it takes. */
export interface MailServer {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** Addresses as they were asked to be taken, refused ones too. */
  readonly asked: readonly string[];
  /** Replies to the next tries for an address, one after the other; then it is taken. */
  refuse(address: string, ...codes: number[]): void;
  close(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const asked: string[] = [];
  const refusals = new Map<string, number[]>();
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'], logger: false },
    onRcptTo({ address }, _session, done) {
      asked.push(address);
      const code = refusals.get(address)?.shift();
      if (code === undefined) done();
      else done(Object.assign(new Error(`Not now, ${address}`), { responseCode: code }));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const content = Buffer.concat(chunks)
          .toString('utf8')
          .replace(/=\r?\n/g, '');
        for (const { address } of session.envelope.rcptTo) mails.push({ to: address, content });
        done();
      });
    },
  });
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    ...{ url: `smtp://127.0.0.1:${port}`, mails, asked },
    refuse: (address, ...codes) => void refusals.set(address, codes),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
