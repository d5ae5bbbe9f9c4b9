/** The command line of `edgeway status`. */
import { parseArgs } from "node:util";
import { edgeHelp, edgeSource } from "../edge.ts";
import { UsageError } from "../usage.ts";
import { edgeStatus, type StatusOptions } from "./status.ts";

const help = `Usage: edgeway status --edge URL [OPTION]...

Says how an edge is: its clusters with their revision and last push, what they have and are
not granted, the calls of the last 30 seconds, and the pushes that were refused.

Options:
${edgeHelp}
  --json                       all that is known, as JSON

The exit code is 1 if no cluster has pushed, or one of them has routes that it is not
granted, or is a last resort: drained, or not heard of for long.`;

export const statusCommand = { summary: "say how an edge is", help, run };

async function run(args: readonly string[]): Promise<number> {
  const { output, well } = await edgeStatus(parse(args));
  console.log(output);
  return well ? 0 : 1;
}

function parse(args: readonly string[]): StatusOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        edge: { type: "string" },
        "token-file": { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    if (values.edge === undefined) throw new UsageError("takes --edge: the edge's URL");
    return { edge: edgeSource(values.edge, values["token-file"]), json: values.json };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}
