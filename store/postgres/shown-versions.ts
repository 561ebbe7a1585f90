import type { RecordPage } from '../record-page.ts';

/** Of the records on pages of one compartment after another, the newest publication first, those that no newer one replaces. */
export class ShownVersions {
  readonly #moved: ReadonlyMap<string, string | null>;
  #patientId: string | undefined;
  #version: bigint | undefined;
  /** Of newer publications of this compartment; of the one that is read. */
  #newer = new Set<string>();
  #ids: string[] = [];

  /** `moved`: of ids that several compartments have held, the newest version. */
  constructor(moved: ReadonlyMap<string, string | null>) {
    this.#moved = moved;
  }

  /**
   * `ids`: of the page; absent where nothing can be replaced. `isOldest`: behind its publication comes no older one of the
   * compartment. Answers which places of the page are shown; undefined for all.
   */
  on(
    { patientId, version }: Pick<RecordPage, 'patientId' | 'version'>,
    ids: string | undefined,
    isOldest: boolean,
  ): ((place: number) => boolean) | undefined {
    if (ids === undefined) return undefined;
    this.#turnTo(patientId, version);
    const list = ids.split(' ');
    if (!isOldest) this.#ids.push(...list);
    const [newer, moved] = [this.#newer, this.#moved];
    if (newer.size === 0 && moved.size === 0) return undefined;
    return (place) => {
      const id = list[place] ?? '';
      const only = moved.size === 0 ? undefined : moved.get(id);
      return only === undefined ? !newer.has(id) : only === String(version);
    };
  }

  #turnTo(patientId: string, version: bigint): void {
    if (patientId !== this.#patientId) [this.#newer, this.#ids] = [new Set(), []];
    else if (version !== this.#version) {
      for (const id of this.#ids) this.#newer.add(id);
      this.#ids = [];
    }
    [this.#patientId, this.#version] = [patientId, version];
  }
}
