/** Which mail an event on a Task brings, and its text. */
import { z } from 'zod';
import { ADD_PAYER_CODE } from './add-payer-task.ts';
import type { AddPayerRequest } from './add-payer-task.ts';

/** The occasions of mail; each has a template. */
export const MAILS = ['exchangeCompleted', 'exchangeFailed', 'addPayerRequested', 'addPayerReceived'] as const;
export type MailKind = (typeof MAILS)[number];

/** What a template may name as `{{name}}`; empty where the Task has none. */
export const MAIL_VALUES = [
  ...(['taskId', 'status', 'payerName', 'reasonCode', 'link'] as const),
  ...(['memberFirstName', 'memberLastName', 'memberEmail', 'memberPhone'] as const),
] as const;
export type MailValues = Readonly<Partial<Record<(typeof MAIL_VALUES)[number], string>>>;

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const LONGEST_VALUE = 300;
const knows = (text: string): boolean =>
  [...text.matchAll(PLACEHOLDER)].every(([, name]) => (MAIL_VALUES as readonly (string | undefined)[]).includes(name));
const PLACEHOLDERS = `of {{…}} these: ${MAIL_VALUES.join(', ')}`;
const line = z
  .string()
  .regex(/^[^\r\n]+$/, 'one line')
  .refine(knows, PLACEHOLDERS);
const template = (subject: string, text: string) =>
  z
    .strictObject({
      subject: line.default(subject),
      text: z.string().min(1).refine(knows, PLACEHOLDERS).default(text),
    })
    .prefault({});

/** What the configuration file may say of each mail. The defaults name no member. */
export const mailTemplates = z.strictObject({
  exchangeCompleted: template(
    'Payer-to-payer exchange completed',
    'The exchange {{taskId}} with {{payerName}} is {{status}}.\n\n{{link}}\n',
  ),
  exchangeFailed: template(
    'Payer-to-payer exchange failed',
    'The exchange {{taskId}} with {{payerName}} is {{status}}: {{reasonCode}}.\n\n{{link}}\n',
  ),
  addPayerRequested: template(
    'A member asks to add a payer',
    'The request {{taskId}} asks to add {{payerName}}.\n\n{{link}}\n',
  ),
  addPayerReceived: template(
    'Your request to add a payer',
    'Your request to add {{payerName}} has been received.\n\nNumber of the request: {{taskId}}\n',
  ),
});
export type MailTemplates = z.infer<typeof mailTemplates>;

/** A mail as it is kept until it is sent. */
export const keptMail = z.object({ kind: z.enum(MAILS), to: z.string(), values: z.record(z.string(), z.string()) });
export type KeptMail = z.infer<typeof keptMail>;

/** What an event says of the Task. */
export interface TaskEvent {
  readonly code: string;
  readonly status: string;
}

/** Mail that an event brings, and for whom. */
export function mailsOf({ code, status }: TaskEvent): readonly { kind: MailKind; to: 'administrators' | 'member' }[] {
  if (code === ADD_PAYER_CODE) {
    if (status !== 'requested') return [];
    return [
      { kind: 'addPayerRequested', to: 'administrators' },
      { kind: 'addPayerReceived', to: 'member' },
    ];
  }
  if (status === 'completed') return [{ kind: 'exchangeCompleted', to: 'administrators' }];
  return status === 'failed' ? [{ kind: 'exchangeFailed', to: 'administrators' }] : [];
}

export function mailText(templates: MailTemplates, kind: MailKind, values: Readonly<Record<string, string>>) {
  const { subject, text } = templates[kind];
  // What a member typed is neither to end a line nor to fill a page.
  const short = (value = ''): string => value.replace(/\s+/g, ' ').trim().slice(0, LONGEST_VALUE);
  const filled = (template: string): string =>
    template.replace(PLACEHOLDER, (_all, name: string) => short(Object.hasOwn(values, name) ? values[name] : ''));
  return { subject: filled(subject), text: filled(text) };
}

/** What a template may say of the member and the payer that was asked for. */
export function memberValues({ inputs }: AddPayerRequest): MailValues {
  const values = {
    payerName: inputs['new-payer-name'],
    memberFirstName: inputs['requester-first-name'],
    memberLastName: inputs['requester-last-name'],
    memberEmail: inputs['requester-email'],
    memberPhone: inputs['requester-phone'],
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** One address and nothing else: neither a list nor a second header can hide in it. */
export function isMailAddress(text: string): boolean {
  return (
    text.length <= 254 && /^[^\s@<>",;:()[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)*[A-Za-z0-9-]*[A-Za-z0-9]$/.test(text)
  );
}
