import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { defaultConfigFile, readConfigFile } from './config-file.ts';
import type { FileConfig } from './config-file.ts';
import { ConfigProblems } from './config-problems.ts';
import type { EncryptionKey } from './seal.ts';
import { parseEncryptionKeys } from './encryption-keys.ts';

export { ConfigError } from './config-problems.ts';
export type { FileConfig } from './config-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Everything that an operator decides; passed to the parts that need it, never imported by them. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly p2pPort: number;
  /** How our own workers reach the P2P API. */
  readonly p2pUrl: string;
  /** Exactly as given: the issuer of access tokens. */
  readonly publicUrl: string;
  /** `publicUrl` + `/fhir`. */
  readonly fhirBaseUrl: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Undefined: the embedded Postgres. */
  readonly databaseUrl: string | undefined;
  readonly temporal: TemporalConfig;
  readonly fhirStore: { readonly kind: 'postgres' } | { readonly kind: 'fhir-server'; readonly baseUrl: string };
  /** What is undefined is created on first start. */
  readonly admin: { readonly clientId: string | undefined; readonly clientSecret: string | undefined };
  /** Undefined: created on first start. */
  readonly encryptionKeys: readonly EncryptionKey[] | undefined;
  readonly mail: MailConfig | undefined;
  readonly logLevel: LogLevel;
  readonly otlpEndpoint: string | undefined;
  readonly metricsPort: number | undefined;
  readonly file: FileConfig;
}

export interface TemporalConfig {
  /** False: the embedded server. */
  readonly isExternal: boolean;
  readonly namespace: string;
  readonly uiPort: number;
  /** The SDK's own environment configuration. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface MailConfig {
  readonly smtpUrl: string;
  readonly from: string;
  readonly to: readonly string[];
}

const port = z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1).max(65_535));
const PORT = 'a port number from 1 to 65535';
const httpUrl = z.url({ protocol: /^https?$/ }).refine((text) => !/[?#]/.test(text));
const HTTP_URL = 'an absolute http or https URL without query and fragment';
const address = z.string().regex(/^[^@]*<?[^\s@<>]+@[^\s@<>]+>?$/);

/**
 * Reads the environment and the configuration file.
 *
 * @param readText content of a file, undefined where there is none
 * @throws ConfigError naming all that is wrong at once
 */
export function loadConfig(env: Environment, readText: (file: string) => string | undefined): Config {
  const problems = new ConfigProblems();
  const read = <T>(name: string, schema: z.ZodType<T>, accepted: string): T | undefined => {
    // An empty variable is how compose files leave one out.
    const text = env[name] === '' ? undefined : env[name];
    if (text === undefined) return undefined;
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    problems.add(name, text, accepted);
    return undefined;
  };
  const text = z.string();
  const host = read('HOST', z.string().regex(/^[^\s/]+$/), 'a host name or address') ?? '127.0.0.1';
  const fhirPort = read('PORT', port, PORT) ?? 8080;
  const p2pPort = read('P2P_PORT', port, PORT) ?? 8081;
  if (fhirPort === p2pPort) problems.add('P2P_PORT', String(p2pPort), 'a port other than PORT');
  const publicUrl = read('PUBLIC_URL', httpUrl, HTTP_URL) ?? `http://${inUrl(host)}:${fhirPort}`;
  const reachable = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const p2pUrl = read('P2P_URL', httpUrl, HTTP_URL) ?? `http://${inUrl(reachable)}:${p2pPort}`;
  const levels = z.enum(LOG_LEVELS);
  const config: Config = {
    host,
    port: fhirPort,
    p2pPort,
    p2pUrl: p2pUrl.replace(/\/+$/, ''),
    publicUrl,
    fhirBaseUrl: `${publicUrl.replace(/\/+$/, '')}/fhir`,
    dataDir: path.resolve(read('DATA_DIR', text, 'a folder') ?? '.data'),
    databaseUrl: read('DATABASE_URL', z.url({ protocol: /^postgres(ql)?$/ }), 'a postgresql:// URL'),
    temporal: readTemporal(env, read('TEMPORAL_UI_PORT', port, PORT) ?? 8233),
    fhirStore: readStore(
      read('FHIR_STORE', text.pipe(z.union([z.literal('postgres'), httpUrl])), `postgres, or ${HTTP_URL}`),
    ),
    admin: {
      clientId: read('ADMIN_CLIENT_ID', z.string().regex(/^[\x21-\x7e]+$/), 'printable characters without spaces'),
      clientSecret: read('ADMIN_CLIENT_SECRET', z.string().min(12), 'at least 12 characters'),
    },
    encryptionKeys: read(
      'ENCRYPTION_KEYS',
      text.transform(parseEncryptionKeys).pipe(z.array(z.custom<EncryptionKey>()).min(1)),
      'comma-separated id:base64 pairs of different ids, each key 32 bytes',
    ),
    mail: readMail(
      read('SMTP_URL', z.url({ protocol: /^smtps?$/ }), 'an smtp:// or smtps:// URL'),
      read('NOTIFY_FROM', address, 'an e-mail address'),
      read('NOTIFY_TO', text.transform(splitList).pipe(z.array(address)), 'e-mail addresses, comma-separated'),
      problems,
    ),
    logLevel: read('LOG_LEVEL', levels, LOG_LEVELS.join(', ')) ?? 'info',
    otlpEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl, HTTP_URL),
    metricsPort: read('METRICS_PORT', port, PORT),
    file: readConfigFile(
      read('CONFIG_FILE', text, 'a file') ?? defaultConfigFile,
      env['CONFIG_FILE'],
      readText,
      problems,
    ),
  };
  problems.throwIfAny();
  return deepFreeze(config);
}

const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** The configuration of this process. */
export function loadProcessConfig(): Config {
  return loadConfig(process.env, (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined));
}

function readTemporal(env: Environment, uiPort: number): TemporalConfig {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('TEMPORAL_') && name !== 'TEMPORAL_UI_PORT' && value) environment[name] = value;
  }
  const pointsElsewhere = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'];
  return {
    isExternal: pointsElsewhere.some((name) => name in environment),
    namespace: environment['TEMPORAL_NAMESPACE'] ?? 'default',
    uiPort,
    environment,
  };
}

function readStore(value: string | undefined): Config['fhirStore'] {
  if (value === undefined || value === 'postgres') return { kind: 'postgres' };
  return { kind: 'fhir-server', baseUrl: value.replace(/\/+$/, '') };
}

function readMail(
  smtpUrl: string | undefined,
  from: string | undefined,
  to: readonly string[] | undefined,
  problems: ConfigProblems,
): MailConfig | undefined {
  if (smtpUrl === undefined) return undefined;
  if (from === undefined) problems.add('NOTIFY_FROM', undefined, 'with SMTP_URL, the e-mail address of the sender');
  return { smtpUrl, from: from ?? '', to: to ?? [] };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function deepFreeze<T>(value: T): T {
  // Key bytes are views of memory, which cannot be frozen.
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
