/** What processes of the edge tell of themselves, besides the calls: it changes without any, too. */

/** What one process tells. Plain data. */
export interface ProcessState {
  readonly pid: number;
  readonly residentBytes: number;
  /** Of CPU, since it began. */
  readonly cpuSeconds: number;
  /** When it began, Unix seconds. */
  readonly startSeconds: number;
  /** TLS handshakes of callers that failed, by why, in all. */
  readonly tlsFailures: Readonly<Record<string, number>>;
}

export interface ProcessesView {
  readonly processes: readonly ProcessState[];
  /** Of all, those that are gone among them. */
  readonly tlsFailures: Readonly<Record<string, number>>;
}

/** Gathers it in the process that is asked. */
export class Processes {
  readonly #own: () => ProcessState;
  readonly #others = new Map<number, ProcessState>();
  /** What those that are gone counted: counters must not fall. */
  readonly #past: Record<string, number> = {};

  /** @param own what this process tells */
  constructor(own: () => ProcessState) {
    this.#own = own;
  }

  /** What another tells now. */
  set(state: ProcessState): void {
    this.#others.set(state.pid, state);
  }

  gone(pid: number): void {
    const last = this.#others.get(pid);
    this.#others.delete(pid);
    if (last !== undefined) addCounts(this.#past, last.tlsFailures);
  }

  view(): ProcessesView {
    const processes = [this.#own(), ...this.#others.values()];
    const tlsFailures = { ...this.#past };
    for (const each of processes) addCounts(tlsFailures, each.tlsFailures);
    return { processes, tlsFailures };
  }
}

function addCounts(to: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) to[name] = (to[name] ?? 0) + count;
}
