/** So many reports in a row may be missed before it counts: an edge that starts anew misses one. */
const TOLERATED = 2;

export interface ContactOptions {
  readonly edgeUrl: string;
  readonly cluster: string;
  readonly log: (line: string) => void;
}

/** Whether the edge answers an agent: says each reason why not once in an outage, and when it is over. */
export class Contact {
  readonly #options: ContactOptions;
  /** The reasons of this outage that were said. */
  readonly #said = new Set<string>();
  /** The last one; undefined while the edge answers. */
  #failure: string | undefined;
  #missed = 0;

  constructor(options: ContactOptions) {
    this.#options = options;
  }

  /** Why the edge did not answer the last time; undefined if it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Says that the edge was not heard for several reports; undefined if it was. */
  get lost(): string | undefined {
    if (this.#failure === undefined || this.#missed <= TOLERATED) return undefined;
    return `${this.#options.edgeUrl} has not taken the last ${this.#missed} reports: ${this.#failure}`;
  }

  failed(doing: "push" | "report", reason: string): void {
    const { cluster, edgeUrl, log } = this.#options;
    // Numbers are times and ports: with others it is the same reason.
    const meaning = reason.replaceAll(/\d+/g, "0");
    if (!this.#said.has(meaning)) log(`${cluster}: cannot ${doing} to ${edgeUrl}, trying again: ${reason}`);
    this.#said.add(meaning);
    this.#failure = reason;
    if (doing === "report") this.#missed += 1;
  }

  /** After a push there is more to say than that. */
  answered(to: "push" | "report"): void {
    const { cluster, edgeUrl, log } = this.#options;
    if (to === "report" && this.#failure !== undefined) log(`${cluster}: ${edgeUrl} answers again`);
    this.reset();
  }

  /** Nothing is known of the edge. */
  reset(): void {
    this.#said.clear();
    this.#failure = undefined;
    this.#missed = 0;
  }
}
