/** The command line of `edgeway forget`. */
import { parseArgs } from "node:util";
import { agentToken } from "../agent-token.ts";
import { UsageError } from "../usage.ts";

const help = `Usage: edgeway forget CLUSTER --edge URL [OPTION]...

Takes a cluster that is gone out of the edge's table and status. The edge refuses while the
cluster's agent is heard, unless it has no routes; when the agent pushes again, the cluster
is there again.

Options:
  --edge URL                     the edge, such as https://edge.example.com
  --token-file FILE              the token that may push every cluster, or the cluster's own
  --key-file FILE                or the cluster's private key, Ed25519 or P-256 (PEM); the
                                 variable EDGEWAY_SYNC_TOKEN without both
  --audience NAME                whom the key's tokens are for, as the edge has it (edgeway)

The exit code is 1 if the edge refuses, or has no such cluster.`;

export const forgetCommand = { summary: "take a cluster that is gone out of the table", help, run };

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [cluster, ...more] = positionals;
  if (cluster === undefined || more.length > 0) throw new UsageError("takes one cluster's name");
  const { edge } = values;
  if (edge === undefined || !/^https?:$/.test(URL.parse(edge)?.protocol ?? ""))
    throw new UsageError("--edge takes the edge's URL, such as https://edge.example.com");
  const token = await agentToken(values, cluster);
  // Only now: what it brings along takes a while to load.
  const { forget } = await import("./forget.ts");
  console.log(await forget({ edge, cluster, token }));
  return 0;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        edge: { type: "string" },
        "token-file": { type: "string" },
        "key-file": { type: "string" },
        audience: { type: "string", default: "edgeway" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}
