import { Client } from 'pg';
import type { Task, TaskOutput } from 'fhir/r4.js';
import { DATABASE_NAME } from '../../embedded/infrastructure.ts';
import { findRunningPostgres } from '../../embedded/postgres.ts';
import type { DemoPayer } from './demo-payer.ts';
import type { Operator } from './operator.ts';

const LOOK_EVERY_MS = 250;
const ENDED = ['completed', 'failed', 'cancelled'];

interface Numbers {
  readonly files: number;
  readonly downloaded: number;
  readonly resources: number;
}

/** Shows an exchange until its Task has ended, and answers the Task; the numbers come from the rows of the new payer. */
export async function follow(operator: Operator, payer: DemoPayer, location: string): Promise<Task> {
  const url = await findRunningPostgres(payer.dataDir, DATABASE_NAME);
  const database = new Client({ connectionString: url });
  await database.connect();
  const started = Date.now();
  const line = statusLine();
  try {
    for (;;) {
      const task = (await operator.get(location)) as Task;
      const seconds = (Date.now() - started) / 1000;
      line.show(described(task, await numbersOf(database, task.id ?? ''), seconds));
      if (ENDED.includes(task.status)) return task;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    line.end();
    await database.end();
  }
}

function described(task: Task, { files, downloaded, resources }: Numbers, seconds: number): string {
  const step = task.businessStatus?.coding?.[0]?.code ?? '';
  const rate = seconds > 0 ? Math.round(resources / seconds) : 0;
  const transfer = files === 0 ? '' : `  files ${downloaded}/${files}  resources ${resources}  ${rate}/s`;
  return `  ${task.status.padEnd(12)} ${step.padEnd(13)} ${seconds.toFixed(1).padStart(6)} s${transfer}`;
}

async function numbersOf(database: Client, taskId: string): Promise<Numbers> {
  const { rows } = await database.query<Numbers>(
    `SELECT (SELECT count(*)::int FROM exchange_file WHERE exchange_id = $1) AS files,
            (SELECT count(*)::int FROM exchange_file WHERE exchange_id = $1 AND downloaded) AS downloaded,
            (SELECT coalesce(sum(new + updated + unchanged), 0)::int FROM exchange_count WHERE exchange_id = $1) AS resources`,
    [taskId],
  );
  return rows[0] ?? { files: 0, downloaded: 0, resources: 0 };
}

/** One line that is written over on a terminal; elsewhere a line for each change of step. */
function statusLine(): { show(text: string): void; end(): void } {
  const { stdout } = process;
  let last = '';
  return {
    show(text) {
      if (stdout.isTTY) stdout.write(`\r\x1b[2K${text}`);
      else if (text.slice(0, 30) !== last.slice(0, 30)) stdout.write(`${text}\n`);
      last = text;
    },
    end() {
      if (stdout.isTTY) stdout.write('\n');
    },
  };
}

const COUNTS = ['received', 'new', 'updated', 'unchanged', 'refused'] as const;

/** The reconciliation of the Task as a table. */
export function table(task: Task): string {
  const counts = (task.output ?? []).filter(({ type }) => type.coding?.[0]?.code === 'resource-count');
  const rows = counts.map(
    (output) => [output.type.text ?? '', ...COUNTS.map((name) => countOf(output, name))] as const,
  );
  const total = COUNTS.map((_name, index) => rows.reduce((sum, row) => sum + Number(row[index + 1]), 0));
  const print = (cells: readonly (string | number)[]): string =>
    `  ${String(cells[0]).padEnd(24)}${cells
      .slice(1)
      .map((cell) => String(cell).padStart(11))
      .join('')}`;
  return [print(['Type', ...COUNTS]), ...rows.map(print), print(['all', ...total])].join('\n');
}

function countOf(output: TaskOutput, name: (typeof COUNTS)[number]): number {
  return output.extension?.find(({ url }) => url.endsWith(`/count-${name}`))?.valueUnsignedInt ?? 0;
}
