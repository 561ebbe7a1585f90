import { DefaultLogger, Runtime } from '@temporalio/worker';

/** The SDK's own lines stay out of the test output; what a test looks at goes through our logger. */
export function installQuietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  } catch {
    // Another file of this process has installed it already.
  }
}
