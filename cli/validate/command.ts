/** The command line of `edgeway validate`. */
import { parseArgs } from "node:util";
import { UsageError } from "../usage.ts";
import type { ValidateOptions } from "./validate.ts";

const help = `Usage: edgeway validate DIR [OPTION]...

Reads a directory of YAML as a cluster's agent does, and says of each object what the
edge serves of it: what is kept, what means something else, and what is left out.
Asks no cluster and no edge.

Options:
  --own-classes    only the IngressClasses and GatewayClasses that are Edgeway's own,
                   as in a cluster; without it, every class
  --json           the report, the statuses and the table, as JSON

The exit code is 1 if there are errors, if no host would be served, and with --own-classes
if an object is skipped for its class. A Service that no address is known of is a warning:
manifests often do not have what its cluster knows.`;

export const validateCommand = { summary: "say what the edge serves of manifests", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  // Only now: what it brings along takes a while to load.
  const { validate } = await import("./validate.ts");
  const { output, served } = await validate(options);
  console.log(output);
  return served ? 0 : 1;
}

function parse(args: readonly string[]): ValidateOptions {
  const { values, positionals } = parseOptions(args);
  const [directory, ...more] = positionals;
  if (directory === undefined || more.length > 0) throw new UsageError("takes one directory");
  return { directory, adoptAll: !values["own-classes"], json: values.json };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { "own-classes": { type: "boolean", default: false }, json: { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}
