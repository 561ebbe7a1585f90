import { goesAlong } from '../../fhir/open-types.ts';
import { sharedReferences } from '../../fhir/shared-references.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import type { RestContext } from '../fhir-rest/interaction.ts';
import { showVersions } from '../fhir-rest/show-versions.ts';

/** How far references of shared resources to other shared ones are followed: a role, its practitioner, an organization above. */
const MOST_STEPS = 5;

/** Resources that belong to nobody and that records refer to, as of an instant, with those that they refer to themselves. */
export class SharedClosure {
  readonly #context: RestContext;
  readonly #asOf: string;
  readonly #words = new Set<string>();
  #open = new Map<string, ResourceKey>();

  constructor(context: RestContext, asOf: string) {
    this.#context = context;
    this.#asOf = asOf;
  }

  /** A record as it is shown: what is masked leads nowhere. */
  async add(text: string): Promise<void> {
    const { literals, conditionals } = sharedReferences(text, goesAlong, this.#words);
    for (const key of literals) this.#open.set(keyOf(key), { type: key.type, id: key.id });
    for (const { type, system, value } of conditionals) {
      const [key, ...others] = await this.#context.store.findByIdentifier(type, { system, value });
      if (key !== undefined && others.length === 0) this.#open.set(keyOf(key), key);
    }
  }

  /** Ordered by type and id. */
  async resources(): Promise<readonly StoredResource[]> {
    const { store } = this.#context;
    const found = new Map<string, StoredResource>();
    for (let step = 0; step < MOST_STEPS && this.#open.size > 0; step++) {
      const keys = [...this.#open].filter(([word]) => !found.has(word)).map(([, key]) => key);
      this.#open = new Map();
      const versions: StoredResource[] = [];
      for await (const version of store.readMany(keys, { asOf: this.#asOf })) {
        // One with an owner is a record of a member, and goes with that member alone.
        if (version.patientId === undefined) versions.push(version);
      }
      for (const resource of await showVersions(this.#context, versions, { isCurrent: false })) {
        found.set(keyOf(resource), resource);
        await this.add(resource.text);
      }
    }
    return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, resource]) => resource);
  }
}
