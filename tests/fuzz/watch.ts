/** Runs a target in a process of its own and watches it: what hangs is killed, and the input that did it is kept. */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long one input may take before its process is given up, milliseconds: the machine may have others to serve. */
const hungMs = 60_000;

/** What takes more than this heap, in megabytes, has no bound. */
const heapMb = 1024;

export interface Job {
  readonly target: string;
  readonly seed: number;
  /** How many to run. Undefined: the corpus alone. */
  readonly inputs: number | undefined;
  /** Milliseconds since 1970 when to stop in any case. */
  readonly until: number;
  /** This input alone. */
  readonly file?: string | undefined;
  /** A file that says how many inputs were begun, how long the last is, and what it is. */
  readonly note: string;
}

export interface Failure {
  readonly text: string;
  readonly input: Uint8Array;
  /** Where it comes from, if it is not new. */
  readonly file: string | undefined;
}

export type FromChild =
  { readonly kind: "done"; readonly inputs: number; readonly kept: number } | ({ readonly kind: "failure" } & Failure);

export interface Outcome {
  readonly inputs: number;
  /** Inputs that did something new. */
  readonly kept: number;
  readonly failures: readonly Failure[];
}

/**
 * Runs a job to its end. A process that is lost is not replaced: what it had not run is missing from `inputs`.
 *
 * @throws Error if the target cannot even be loaded
 */
export async function watch(job: Omit<Job, "note">): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-fuzz-"));
  const note = join(folder, "note");
  writeFileSync(note, new Uint8Array(8));
  try {
    return await run({ ...job, note });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(job: Job): Promise<Outcome> {
  const child = fork(join(import.meta.dirname, "child.ts"), [JSON.stringify(job)], {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${heapMb}`],
    // A heap that is full is described at length; the input says more.
    stdio: ["ignore", "inherit", "ignore", "ipc"],
  });
  const failures: Failure[] = [];
  let outcome: Outcome | undefined;
  child.on("message", (message: FromChild) => {
    if (message.kind === "failure") failures.push(message);
    else outcome = { ...message, failures };
  });
  let why: string | undefined;
  const stop = onHang(job.note, () => {
    why = `no end within ${hungMs} ms`;
    child.kill("SIGKILL");
  });
  const ended = await new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? code)));
  stop();
  if (outcome !== undefined) return outcome;
  const { begun, input } = readNote(job.note);
  if (begun === 0) throw new Error(`${job.target} cannot be loaded: ${String(ended)}`);
  failures.push({ text: why ?? `the process ended: ${String(ended)}`, input, file: job.file });
  return { inputs: begun, kept: 0, failures };
}

/** The last input, and how many there were. */
function readNote(file: string): { begun: number; input: Uint8Array } {
  const bytes = readFileSync(file);
  return { begun: bytes.readUInt32LE(0), input: new Uint8Array(bytes.subarray(8, 8 + bytes.readUInt32LE(4))) };
}

/** Calls `hung`, once, if no other input begins for too long after the first. */
function onHang(note: string, hung: () => void): () => void {
  let seen = 0;
  let since = Date.now();
  const timer = setInterval(() => {
    const { begun } = readNote(note);
    if (begun !== seen) since = Date.now();
    else if (begun > 0 && Date.now() - since > hungMs) {
      clearInterval(timer);
      hung();
    }
    seen = begun;
  }, 500);
  return () => clearInterval(timer);
}
