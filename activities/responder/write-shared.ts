import type { ExportJob } from '../../store/export-jobs.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { isInTime, lineOf } from './export-line.ts';
import { exportScope } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { MEMBERS_AT_ONCE } from './export-members.ts';
import { FINISHED_FROM, SHARED_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';
import { isAsked, ReferenceCollector, wantsShared } from './reference-collector.ts';
import { isTransmitted } from './transmission.ts';
import { WithheldTally } from './withheld-tally.ts';

/** How far references of shared resources to other shared ones are followed: a role, its practitioner, an organization above. */
const REFERENCE_DEPTH = 5;
const KEYS_AT_ONCE = 500;

/**
 * What the records refer to outside the members' compartments: a record without its practitioner or organization dangles
 * at the other payer. It goes out as the first members' consents let it, which is no more than all of them would.
 */
export async function writeShared(deps: ResponderDeps, job: ExportJob): Promise<void> {
  const { jobs, settings } = deps;
  if (!wantsShared(job, settings)) return;
  const first = await jobs.members(job.id, '', MEMBERS_AT_ONCE);
  if (first.length === 0) return;
  await jobs.forgetReferences(job.id, 1);
  const own = settings.ownOrganizationId;
  // What says that something is gone, or was not done, is no record of a member.
  const isWritten = (await jobs.files(job.id)).some(({ number }) => number < FINISHED_FROM);
  if (isWritten && own !== undefined && isTransmitted(job, settings)) {
    await jobs.addReferences(job.id, [{ type: 'Organization', id: own }], 0);
  }
  const scope = await exportScope(deps, job, first);
  const shared = new SharedFiles(deps, job, scope);
  let depth = 0;
  while (depth < REFERENCE_DEPTH && (await shared.writeDepth(depth))) depth++;
  await shared.close();
}

class SharedFiles {
  readonly #deps: ResponderDeps;
  readonly #job: ExportJob;
  readonly #scope: ExportScope;
  readonly #lineOf: ReturnType<typeof lineOf>;
  readonly #series = new Map<string, FileSeries>();
  readonly #tally = new WithheldTally();

  constructor(deps: ResponderDeps, job: ExportJob, scope: ExportScope) {
    this.#deps = deps;
    this.#job = job;
    this.#scope = scope;
    this.#lineOf = lineOf(job);
  }

  /** False where nothing lies so far away, and so nothing farther either. */
  async writeDepth(depth: number): Promise<boolean> {
    const { jobs, fhir } = this.#deps;
    const references = new ReferenceCollector(this.#deps, this.#job.id, depth + 1);
    let after: ResourceKey | undefined;
    let isEmpty = true;
    do {
      const keys = await jobs.references(this.#job.id, { depth, after, limit: KEYS_AT_ONCE });
      if (keys.length === 0) break;
      isEmpty = false;
      const { transactionTime } = this.#job;
      const found = fhir.readMany(keys, transactionTime === undefined ? {} : { asOf: transactionTime });
      for await (const resource of alive(found)) await this.#write(resource, references);
      await this.#scope.stillInForce();
      await references.store();
      after = keys.length < KEYS_AT_ONCE ? undefined : keys.at(-1);
    } while (after !== undefined);
    return !isEmpty;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#series.values()].map((series) => series.close()));
    await this.#deps.jobs.countWithheld(this.#job.id, this.#tally.counts());
    this.#tally.tell(this.#deps.countWithheld);
  }

  async #write(resource: StoredResource, references: ReferenceCollector): Promise<void> {
    // One with an owner is a record of a member, and goes with that member alone.
    const disclosed = resource.patientId === undefined ? await this.#scope.disclose(resource) : undefined;
    if (disclosed === undefined) return;
    const { type } = resource;
    const isWanted = isAsked(type, this.#job, this.#deps.settings) && isInTime(this.#job, resource);
    if (isWanted) this.#tally.add(type, disclosed);
    if (disclosed.kind === 'withheld') return;
    const line = this.#lineOf(type, disclosed.text);
    if (line === undefined) return;
    references.add(line);
    if (!isWanted) return;
    // What belongs to no member stands with the first one.
    const [member] = this.#scope.members;
    if (member === undefined) return;
    await this.#seriesOf(type).write(line, { member, id: resource.id }, this.#scope.consentsOf(undefined));
  }

  #seriesOf(type: string): FileSeries {
    const known = this.#series.get(type);
    const series = known ?? new FileSeries(this.#deps, { jobId: this.#job.id, type, from: SHARED_FROM });
    this.#series.set(type, series);
    return series;
  }
}
