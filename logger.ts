import type { LogLevel } from './config.ts';

/**
 * What a line may hold: ids of our own making, counts, durations, codes. Everything else is dropped, so that no member
 * data, token or secret can reach a log by a careless call.
 */
const ALLOWED_KEYS = new Set([
  ...['activityId', 'activityType', 'address', 'attempt', 'bytes', 'code', 'count', 'durationMs', 'errorName'],
  ...['exchangeId', 'file', 'files', 'jobId', 'limit', 'line', 'lines', 'method', 'migrations', 'namespace', 'part'],
  ...['payerPid', 'pid', 'port', 'queue', 'refused', 'requestId', 'resources', 'retryAfterMs', 'route', 'runId'],
  ...['sdkComponent', 'state', 'status', 'step', 'taskId', 'taskQueue', 'trigger', 'version', 'workflowId'],
  ...['workflowType', 'workflowRunId'],
]);

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  trace(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };

/** @param write gets one line of JSON with its line end */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const at =
    (own: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      if (SEVERITY[own] < SEVERITY[level]) return;
      write(`${JSON.stringify({ time: new Date().toISOString(), level: own, event, ...allowed(fields) })}\n`);
    };
  return { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The logger of an entry point: standard output is for what a command answers. */
export function createProcessLogger(level: LogLevel): Logger {
  return createLogger(level, (line) => process.stderr.write(line));
}

function allowed(fields: LogFields): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (ALLOWED_KEYS.has(key) && isPlain) kept[key] = value;
  }
  const name = errorName(fields['error']);
  return name === undefined ? kept : { ...kept, errorName: name };
}

/** Of an error its class alone: messages repeat what they were given. */
function errorName(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('name' in error) || typeof error.name !== 'string')
    return undefined;
  return 'code' in error && typeof error.code === 'string' ? `${error.name}:${error.code}` : error.name;
}
