/**
 * Edgeway on Deno, told by lines on standard input: the tables and the credentials first, then a cluster's part whenever
 * one changes. The ports go to standard output, and a line for each part.
 */
import { createInterface } from "node:readline";
import { fromJsonString } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import type { ClusterPart } from "../../routes/model.ts";
import { startDenoEdge } from "../../worker/host/deno.ts";
import type { Credentials } from "./edges.ts";

function partOf(json: string): ClusterPart {
  const decoded = decode(fromJsonString(ClusterTableSchema, json));
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return decoded.part;
}

const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
const { value: first } = await lines.next();
const { tables, tls } = JSON.parse(first as string) as { tables: string[]; tls?: Credentials };
const parts = new Map<string, ClusterPart>();
function put(json: string): void {
  const part = partOf(json);
  parts.set(part.cluster, part);
}
tables.forEach(put);
let table = compile([...parts.values()]);
const edge = startDenoEdge({
  listeners: [
    { hostname: "127.0.0.1", port: 0, ...(tls && { tls }) },
    { hostname: "127.0.0.1", port: 0, ...(tls && { tls }), http2: true },
  ],
  table: () => table,
});
console.log(edge.ports.join(" "));
for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  put(line.value);
  table = compile([...parts.values()]);
  console.log("applied");
}
