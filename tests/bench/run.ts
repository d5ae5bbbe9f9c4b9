/** `npm run bench -- NAME [--json FILE]`: runs the bench of that name in this folder. */
import { parseArgs } from "node:util";

type Bench = (options: { readonly json: string | undefined }) => Promise<void>;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const [name] = positionals;
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) throw new Error("say which bench: npm run bench -- http2");
const { default: bench } = (await import(`./${name}.ts`)) as { default: Bench };
await bench({ json: values.json });
