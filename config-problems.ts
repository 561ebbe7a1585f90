import type { z } from 'zod';

/** All that is wrong with the configuration, one sentence a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Names of variables and keys whose values are never repeated: URLs among them carry passwords. */
const SECRET = /secret|jwk|encryption_keys|password|token|DATABASE_URL|SMTP_URL|FHIR_STORE/i;

export class ConfigProblems {
  private readonly sentences: string[] = [];

  /** @param held the value as it was given; undefined where there was none */
  add(name: string, held: unknown, accepted: string): void {
    const what = held === undefined ? 'is not set' : `is ${SECRET.test(name) ? 'set to something else' : show(held)}`;
    this.sentences.push(`${name} ${what}; accepted: ${accepted}.`);
  }

  addIssue(name: string, content: unknown, issue: z.core.$ZodIssue): void {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        this.add(pathText(name, [...issue.path, key]), valueAt(content, [...issue.path, key]), 'no such key');
      return;
    }
    this.add(pathText(name, issue.path), valueAt(content, issue.path), acceptedBy(issue));
  }

  throwIfAny(): void {
    if (this.sentences.length > 0) throw new ConfigError(this.sentences);
  }
}

function show(held: unknown): string {
  const text = JSON.stringify(held);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function pathText(file: string, path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return `${file}: ${text.replace(/^\./, '') || 'the content'}`;
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  let value = content;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function acceptedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `a value of type ${issue.expected}`;
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'invalid_format':
      return issue.format === 'url' ? 'an absolute http or https URL' : issue.message;
    case 'too_small':
      return `${issue.minimum} or more`;
    case 'too_big':
      return `${issue.maximum} or less`;
    default:
      return issue.message;
  }
}
