/** The command line of `edgeway explain`. */
import { parseArgs } from "node:util";
import { edgeHelp } from "../edge.ts";
import { tableSource } from "../table-source.ts";
import { UsageError } from "../usage.ts";
import type { ExplainOptions } from "./explain.ts";
import { parseTarget } from "./target.ts";

const help = `Usage: edgeway explain TARGET (--manifests [CLUSTER=]DIR | --edge URL) [OPTION]...

Says which rule takes a request, and of each other rule of its host why it does not: by
manifests, read as an agent does, or by the table that an edge has just now.

TARGET is a URL, or a gRPC method: SERVICE/METHOD.

Options:
  --manifests [CLUSTER=]DIR    a directory of YAML with a cluster's objects; repeatable;
                               CLUSTER is the directory's name unless given
${edgeHelp}
  --authority HOST             the host to ask (of a URL its own, of a method the edge's, or localhost)
  -X, --method METHOD          HTTP method (of a URL GET)
  -H, --header 'NAME: VALUE'   a header; repeatable
  --json                       all that is known, as JSON

The exit code is 0 if a rule takes the request, 1 if none does.`;

export const explainCommand = { summary: "say which rule takes a request, and why", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  // Only now: what it brings along takes a while to load.
  const { explainTarget } = await import("./explain.ts");
  const { output, found } = await explainTarget({ ...options, log: (line) => console.error(line) });
  console.log(output);
  return found ? 0 : 1;
}

function parse(args: readonly string[]): Omit<ExplainOptions, "log"> {
  const { values, positionals } = parseOptions(args);
  const [target, ...more] = positionals;
  if (target === undefined || more.length > 0) throw new UsageError("takes one URL or SERVICE/METHOD");
  const from = tableSource(values);
  const home = "edge" in from ? new URL(from.edge.url).host : "localhost";
  const { header: headers, method, authority, json } = values;
  return { head: parseTarget(target, { headers, method, authority, home }), from, json };
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
        authority: { type: "string" },
        method: { type: "string", short: "X" },
        header: { type: "string", short: "H", multiple: true, default: [] },
        json: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}
