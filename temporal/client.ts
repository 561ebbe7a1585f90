import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { ClientConnectConfig } from '@temporalio/envconfig';

/** Where Temporal is: the server that we started, or what the SDK's own environment configuration says. */
export type TemporalTarget =
  | { readonly address: string; readonly namespace: string }
  | { readonly environment: Readonly<Record<string, string>>; readonly namespace: string };

/** What `NativeConnection.connect` takes. */
export function connectionOptions(target: TemporalTarget): ClientConnectConfig['connectionOptions'] {
  return 'address' in target ? { address: target.address } : readEnvironment(target.environment).connectionOptions;
}

export function namespaceOf(target: TemporalTarget): string {
  if ('address' in target) return target.namespace;
  return readEnvironment(target.environment).namespace ?? target.namespace;
}

function readEnvironment(environment: Readonly<Record<string, string>>): ClientConnectConfig {
  return loadClientConnectConfig({ overrideEnvVars: { ...environment } });
}

export interface TemporalClient {
  readonly connection: Connection;
  readonly client: Client;
}

/** Connects at the first use: an API starts, and answers what it can, while Temporal is away. */
export function connectTemporal(target: TemporalTarget, dataConverter: DataConverter): TemporalClient {
  const connection = Connection.lazy(connectionOptions(target));
  return { connection, client: new Client({ connection, namespace: namespaceOf(target), dataConverter }) };
}
