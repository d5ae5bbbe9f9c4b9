/** Unary gRPC calls over connections that a client keeps: what every bench of calls measures with. */
import { randomBytes } from "node:crypto";

/** One connection of a client. */
export interface Caller {
  /**
   * Sends `message`; `id`, if any, goes with it as metadata. Calls `done` with the bytes of the answer's message; undefined
   * if the answer has no status, or one other than OK.
   */
  call(message: Buffer, id: string | undefined, done: (bytes: number | undefined) => void): void;
  close(): void;
}

/** Makes calls for a while. */
export interface Load {
  /** Calls under way per connection. */
  readonly streams: number;
  /** Of each message. */
  readonly bytes: number;
  /** Whether each call carries metadata never sent before. */
  readonly different: boolean;
  readonly milliseconds: number;
  /** Whether wrong answers are counted, and not the end of all: those of others are not ours to mend. */
  readonly tolerant?: boolean;
}

export interface LoadResult {
  readonly calls: number;
  /** Answers that were not as they should be, which are no calls. */
  readonly wrong: number;
  readonly seconds: number;
  /** Of the process that made the calls, unless somebody else's is put in its place. */
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
}

/** Ends the process: a call that was not answered as it should be makes every figure worthless. */
export function giveUp(error: Error): void {
  console.error(error);
  process.exit(1);
}

/** One in so many calls is timed where several are under way. */
const timedEvery = 8;

/** Processor time of this process. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export async function runLoad(callers: readonly Caller[], load: Load): Promise<LoadResult> {
  const { streams, bytes, different, milliseconds, tolerant = false } = load;
  const message = Buffer.alloc(bytes, "m");
  const every = callers.length * streams === 1 ? 1 : timedEvery;
  const latencies: number[] = [];
  let calls = 0;
  let wrong = 0;
  let serial = 0;
  const run = randomBytes(8).toString("hex");
  const cpu = cpuMicros();
  const began = performance.now();
  const until = began + milliseconds;
  const loop = (caller: Caller): Promise<void> =>
    new Promise((resolve) => {
      const next = (): void => {
        const timed = serial % every === 0;
        const at = timed ? performance.now() : 0;
        const id = different ? `${run}${(serial + 1e9).toString(16)}` : undefined;
        serial++;
        caller.call(message, id, (length) => {
          if (length !== bytes) {
            if (!tolerant) return giveUp(new Error(`${length ?? "no"} bytes instead of ${bytes}`));
            wrong++;
            return next();
          }
          calls++;
          if (!timed) return next();
          const now = performance.now();
          latencies.push(now - at);
          if (now < until) next();
          else resolve();
        });
      };
      next();
    });
  await Promise.all(callers.flatMap((caller) => Array.from({ length: streams }, () => loop(caller))));
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)]!;
  return { calls, wrong, seconds, cpuMicros: cpuMicros() - cpu, p50: at(0.5), p99: at(0.99) };
}
