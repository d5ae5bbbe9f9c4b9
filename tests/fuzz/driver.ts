/** Makes inputs for one target, judges them and keeps those that did something new. The same seed, the same inputs. */
import { newRandom } from "../http2/random.ts";
import { withinMeans } from "./allocation.ts";
import { mutate } from "./mutate.ts";
import { kindOf, one, type Target } from "./target.ts";

/** How long an input may take, milliseconds; of the thread's own time, where it took longer by the clock. */
const slowMs = 500;

/** How long a smaller input with the same fault is looked for, milliseconds. */
const smallerMs = 3000;

/** Inputs that are changed into others. */
const mostKept = 2000;

/** Runs one input. Returns what came of it. Throws for what is amiss. */
export function judge(target: Target, input: Uint8Array): string {
  // The code borrows what it is given, and some of it is overwritten behind its back.
  const attempt = (): string => target.run(input.slice());
  const began = performance.now();
  const outcome = withinMeans(input.length, attempt);
  if (performance.now() - began > slowMs && [1, 2].every(() => spent(attempt) > slowMs)) {
    throw new Error(`more than ${slowMs} ms for ${input.length} bytes`);
  }
  return outcome;
}

/** Milliseconds of the processor. */
function spent(run: () => void): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** What is wrong with `input`, if anything: one line, and where it was thrown. */
export function faultOf(target: Target, input: Uint8Array): { kind: string; text: string } | undefined {
  try {
    judge(target, input);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const [message = "", place = ""] = text.split(/\n +at (?!check |same )/);
    return { kind: kindOf(`${message} ${place}`), text: text.slice(0, 2000) };
  }
}

/** Inputs without end: the seeds, then what the grammar makes and what becomes of those before. */
export class Fuzzer {
  readonly #target: Target;
  readonly #random: ReturnType<typeof newRandom>;
  readonly #seeds: Uint8Array[];
  readonly #kept: Uint8Array[];
  readonly #outcomes = new Set<string>();
  #next: Uint8Array = new Uint8Array(0);

  constructor(target: Target, seed: number, corpus: readonly Uint8Array[]) {
    this.#target = target;
    this.#random = newRandom(seed);
    this.#seeds = [...target.seeds, ...corpus];
    this.#kept = this.#seeds.length === 0 ? [new Uint8Array(0)] : [...this.#seeds];
  }

  get kept(): number {
    return this.#kept.length;
  }

  next(): Uint8Array {
    const { generate, tokens } = this.#target;
    const seed = this.#seeds.shift();
    if (seed !== undefined) this.#next = seed;
    else if (generate !== undefined && this.#random.below(3) === 0) this.#next = generate(this.#random);
    else this.#next = mutate(one(this.#random, this.#kept), this.#kept, tokens, this.#random);
    return this.#next;
  }

  /** What became of the input that {@link next} gave. */
  learn(outcome: string): void {
    if (this.#outcomes.size >= mostKept || this.#outcomes.has(outcome) || this.#next.length > 4096) return;
    this.#outcomes.add(outcome);
    this.#kept.push(this.#next);
  }
}

/** A smaller input with the same fault: without one run of bytes after the other, as long as that helps. */
export function smallest(target: Target, input: Uint8Array, kind: string): Uint8Array {
  let best = input;
  const until = performance.now() + smallerMs;
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.length && performance.now() < until;) {
      const less = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)]);
      if (faultOf(target, less)?.kind === kind) best = less;
      else at += size;
    }
  }
  return best;
}
