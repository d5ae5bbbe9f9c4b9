export interface ContactOptions {
  readonly edgeUrl: string;
  readonly cluster: string;
  readonly log: (line: string) => void;
}

/** Whether the edge answers an agent: says each reason why not once in an outage, however often it is tried. */
export class Contact {
  readonly #options: ContactOptions;
  /** Those of this outage that were said. */
  readonly #said = new Set<string>();

  constructor(options: ContactOptions) {
    this.#options = options;
  }

  /** @param doing such as "push" */
  failed(doing: string, reason: string): void {
    const { cluster, edgeUrl, log } = this.#options;
    // Numbers are times and ports: with others it is the same reason.
    const meaning = reason.replaceAll(/\d+/g, "0");
    if (!this.#said.has(meaning)) log(`${cluster}: cannot ${doing} to ${edgeUrl}, trying again: ${reason}`);
    this.#said.add(meaning);
  }

  answered(): void {
    this.#said.clear();
  }
}
