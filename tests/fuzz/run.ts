/**
 * `npm run fuzz`: every decoder of what comes from the network or a cluster, with inputs made from a seed. An own driver
 * rather than libFuzzer's bindings (@jazzer.js/core): those instrument CommonJS through Babel and a native addon, and
 * know no TypeScript that Node runs as it is.
 *
 *     npm run fuzz                                        a minute at most
 *     npm run fuzz -- --inputs 10000000 --minutes 600     a long run; --seed N for other inputs
 *     npm run fuzz -- --target NAME --replay FILE         one input again
 *
 * A failure is kept in corpus/TARGET, where corpus.test.ts runs it from then on.
 */
import { parseArgs } from "node:util";
import { keepInput } from "./corpus.ts";
import { targets } from "./targets/index.ts";
import { type Failure, watch } from "./watch.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "150000" },
    minutes: { type: "string", default: "0.75" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    replay: { type: "string" },
  },
});
const seed = Number(values.seed);
const names = Object.keys(targets).filter((name) => values.target === undefined || name === values.target);
if (names.length === 0) throw new Error(`there is no target ${values.target}: ${Object.keys(targets).join(", ")}`);
if (values.replay !== undefined && names.length > 1) throw new Error("say whose input it is: --target NAME");

const wholeShare = names.reduce((sum, name) => sum + targets[name]!.share, 0);
const end = Date.now() + Number(values.minutes) * 60_000;
let inputs = 0;
let failures = 0;

/** A failure in three lines, and its input in a file. */
function show(name: string, { text, input, file }: Failure): void {
  failures++;
  const kept = file ?? keepInput(name, input);
  console.log(`\n${name}: ${text}\nnpm run fuzz -- --target ${name} --replay ${kept}\n`);
}

async function runTarget(name: string, left: number): Promise<void> {
  const began = Date.now();
  const share = Math.ceil((Number(values.inputs) * targets[name]!.share) / wholeShare);
  const outcome = await watch({
    target: name,
    seed,
    inputs: values.replay === undefined ? share : undefined,
    // What the targets before it did not need is for those behind.
    until: began + (end - began) / left,
    file: values.replay,
  });
  inputs += outcome.inputs;
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${name}: ${outcome.inputs} inputs in ${seconds} s, ${outcome.kept} kept`);
  for (const failure of outcome.failures) show(name, failure);
}

console.log(`seed ${seed}`);
for (const [i, name] of names.entries()) await runTarget(name, names.length - i);
console.log(`${inputs} inputs, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
