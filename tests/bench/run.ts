/**
 * `npm run bench -- NAME [--json FILE] [--only REGEX] [--short]`: runs the bench of that name in this folder. --only and
 * --short are for those that have many cases and take minutes.
 */
import { parseArgs } from "node:util";
import type { BenchOptions } from "./report.ts";

type Bench = (options: BenchOptions) => Promise<void>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, only: { type: "string" }, short: { type: "boolean", default: false } },
});
const [name] = positionals;
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) throw new Error("say which bench: npm run bench -- http2");
const { default: bench } = (await import(`./${name}.ts`)) as { default: Bench };
const { json, only, short } = values;
await bench({ json, only: only === undefined ? undefined : new RegExp(only), short });
