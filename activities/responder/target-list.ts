/** Of whom and which a line is, for the Provenance of the export. */
export interface LineTarget {
  readonly member: string;
  readonly id: string;
}

/** The targets of a part's lines as it keeps them: `member<TAB>id id …`, a line for each run of one member's records. */
export class TargetLines {
  #text = '';
  #member: string | undefined;

  add({ member, id }: LineTarget): void {
    this.#text += member === this.#member ? ` ${id}` : `${this.#text === '' ? '' : '\n'}${member}\t${id}`;
    this.#member = member;
  }

  take(): string {
    const taken = this.#text === '' ? '' : `${this.#text}\n`;
    this.#text = '';
    this.#member = undefined;
    return taken;
  }
}

export interface TargetLine {
  readonly member: string;
  readonly ids: readonly string[];
}

export function readTargetLine(line: string): TargetLine {
  const tab = line.indexOf('\t');
  return { member: line.slice(0, tab), ids: line.slice(tab + 1).split(' ') };
}
