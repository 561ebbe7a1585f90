import { Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import type { LogLevel as SdkLevel, LogMetadata, TelemetryOptions } from '@temporalio/worker';

/** The part of our logger that the SDK's lines go through. */
export type LogSink = Readonly<
  Record<
    'trace' | 'debug' | 'info' | 'warn' | 'error',
    (event: string, fields?: Readonly<Record<string, unknown>>) => void
  >
>;

export interface RuntimeSettings {
  readonly logger: LogSink;
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** `host:port` where the SDK serves its metrics to Prometheus. */
  readonly metricsAddress?: string;
  /** Base URL of an OpenTelemetry collector; used where there is no `metricsAddress`. */
  readonly otlpEndpoint?: string;
}

/** Once in a process, before the first worker or native connection. Signals are ours to handle. */
export function installRuntime({ logger, level, metricsAddress, otlpEndpoint }: RuntimeSettings): void {
  const sdkLevel = level.toUpperCase() as SdkLevel;
  Runtime.install({
    logger: sdkLogger(logger),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: { level: sdkLevel } },
      ...metrics(metricsAddress, otlpEndpoint),
    },
  });
}

function metrics(address: string | undefined, endpoint: string | undefined): TelemetryOptions {
  if (address !== undefined) return { metrics: { prometheus: { bindAddress: address } } };
  if (endpoint !== undefined) return { metrics: { otel: { url: endpoint } } };
  return {};
}

function sdkLogger(sink: LogSink): Parameters<typeof Runtime.install>[0]['logger'] {
  const log = (level: SdkLevel, message: string, meta: LogMetadata = {}): void => {
    sink[ownLevel(level, message)](eventOf(message), meta);
  };
  return {
    log,
    trace: (message, meta) => {
      log('TRACE', message, meta);
    },
    debug: (message, meta) => {
      log('DEBUG', message, meta);
    },
    info: (message, meta) => {
      log('INFO', message, meta);
    },
    warn: (message, meta) => {
      log('WARN', message, meta);
    },
    error: (message, meta) => {
      log('ERROR', message, meta);
    },
  };
}

/** A worker for activities alone, or for workflows alone, is what we mean; and its states are for debugging. */
function ownLevel(level: SdkLevel, message: string): keyof LogSink {
  if (level === 'INFO' || /^No \w+ registered/.test(message)) return 'debug';
  return level.toLowerCase() as keyof LogSink;
}

/** The SDK's own words end at the first colon or line; what follows may repeat what somebody else said. */
function eventOf(message: string): string {
  return `temporal: ${message.split(/[:\n]/, 1)[0]?.slice(0, 80) ?? ''}`;
}
