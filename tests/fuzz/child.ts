/**
 * The process in which one target runs. watch.ts looks at it from outside, as neither an endless loop nor a heap that is
 * full can tell of itself.
 */
import { openSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { countAllocations } from "./allocation.ts";
import { readCorpus, readInput } from "./corpus.ts";
import { faultOf, Fuzzer, judge, smallest } from "./driver.ts";
import type { Target } from "./target.ts";
import { targets } from "./targets/index.ts";
import type { FromChild, Job } from "./watch.ts";

const job = JSON.parse(process.argv[2]!) as Job;
const note = openSync(job.note, "r+");
const noted = Buffer.alloc(1 << 20);
let begun = 0;

function tell(message: FromChild): void {
  process.send!(message);
}

/** Puts `input` where it is found if this process does not come back. */
function announce(input: Uint8Array): void {
  const length = Math.min(noted.length - 8, input.length);
  noted.writeUInt32LE(++begun, 0);
  noted.writeUInt32LE(length, 4);
  noted.set(input.subarray(0, length), 8);
  writeSync(note, noted, 0, 8 + length, 0);
}

/** Failures of one kind are told once. */
const told = new Set<string>();

function run(target: Target, input: Uint8Array, file?: string): string | undefined {
  announce(input);
  try {
    return judge(target, input);
  } catch {
    const fault = faultOf(target, input);
    // What went away when it was run again was this process's state, and is told all the same.
    const { kind, text } = fault ?? { kind: "unstable", text: "failed once, and not again" };
    if (told.has(kind)) return undefined;
    told.add(kind);
    const small = file === undefined && fault !== undefined ? smallest(target, input, kind) : input;
    tell({ kind: "failure", text, input: small, file });
    return undefined;
  }
}

function replay(target: Target, files: readonly { readonly file: string; readonly input: Uint8Array }[]): number {
  for (const [i, input] of target.seeds.entries()) run(target, input, `seed ${i}`);
  for (const { file, input } of files) run(target, input, file);
  return 0;
}

/** Returns how many inputs did something new. */
async function fuzz(target: Target, inputs: number): Promise<number> {
  const corpus = readCorpus(job.target).map(({ input }) => input);
  const fuzzer = new Fuzzer(target, job.seed, corpus);
  for (let count = 0; count < inputs && Date.now() < job.until; count++) {
    // A pause, in which it can be seen that nobody watches any more.
    if (count % 1000 === 999) await setImmediate();
    const outcome = run(target, fuzzer.next());
    if (outcome !== undefined) fuzzer.learn(outcome);
  }
  return fuzzer.kept;
}

process.on("disconnect", () => process.exit());
countAllocations();
const target = await targets[job.target]!.load();
let kept: number;
if (job.inputs !== undefined) kept = await fuzz(target, job.inputs);
else if (job.file === undefined) kept = replay(target, readCorpus(job.target));
else kept = replay({ ...target, seeds: [] }, [{ file: job.file, input: readInput(job.file) }]);
tell({ kind: "done", inputs: begun, kept });
process.disconnect();
