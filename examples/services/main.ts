/** Runs the example services alone: node examples/services/main.ts [--base-port N] */
import { parseArgs } from "node:util";
import { clusterNames, manifestsBasePort, serverNames, startExamples } from "./examples.ts";

const { values } = parseArgs({ options: { "base-port": { type: "string", default: String(manifestsBasePort) } } });

try {
  const examples = await startExamples({ basePort: Number(values["base-port"]) });
  for (const cluster of clusterNames) {
    for (const server of serverNames) console.log(`${cluster}/${server} 127.0.0.1:${examples[cluster][server].port}`);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void examples.close());
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
