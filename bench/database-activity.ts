import { Client } from 'pg';

/** Whether Postgres was at work for others than its observer, at an instant. */
export interface ActivitySample {
  /** Microseconds of the clock that a profile counts by (CLOCK_MONOTONIC). */
  readonly at: number;
  readonly active: boolean;
}

export interface ActivityWatch {
  stop(): Promise<readonly ActivitySample[]>;
}

const EVERY_MS = 20;

/** A backend that waits for its client (the rows of a COPY) is not at work. */
const SQL = `SELECT count(*) > 0 AS active FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
  AND wait_event_type IS DISTINCT FROM 'Client'`;

export const monotonicMicroseconds = (): number => Number(process.hrtime.bigint() / 1000n);

/** Looks at a database again and again until it is stopped. */
export async function watchActivity(databaseUrl: string): Promise<ActivityWatch> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const samples: ActivitySample[] = [];
  const state = { stopped: false };
  const look = async (): Promise<void> => {
    while (!state.stopped) {
      const { rows } = await client.query<{ active: boolean }>(SQL);
      samples.push({ at: monotonicMicroseconds(), active: rows[0]?.active ?? false });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const looking = look();
  return {
    async stop() {
      state.stopped = true;
      await looking;
      await client.end();
      return samples;
    },
  };
}
