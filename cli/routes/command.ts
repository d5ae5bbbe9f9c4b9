/** The command line of `edgeway routes`. */
import { parseArgs } from "node:util";
import { edgeHelp } from "../edge.ts";
import { tableSource } from "../table-source.ts";
import { UsageError } from "../usage.ts";
import type { RoutesOptions } from "./routes.ts";

const help = `Usage: edgeway routes (--manifests [CLUSTER=]DIR | --edge URL) [WORD]... [OPTION]...

Lists the rules in the order in which they are tried: host, match, filters, backends, and
the object that each came from. With words, those that have all of them.

Options:
  --manifests [CLUSTER=]DIR    a directory of YAML with a cluster's objects; repeatable
${edgeHelp}
  --json                       all that is known, as JSON

The exit code is 1 if there is none.`;

export const routesCommand = { summary: "list the rules, and where they lead", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  // Only now: what it brings along takes a while to load.
  const { listRoutes } = await import("./routes.ts");
  const { output, found } = await listRoutes({ ...options, log: (line) => console.error(line) });
  console.log(output);
  return found ? 0 : 1;
}

function parse(args: readonly string[]): Omit<RoutesOptions, "log"> {
  const { values, positionals } = parseOptions(args);
  return { from: tableSource(values), words: positionals, json: values.json };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        manifests: { type: "string", multiple: true },
        edge: { type: "string" },
        "token-file": { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}
