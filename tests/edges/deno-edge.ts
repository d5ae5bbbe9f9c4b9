/** Edgeway on Deno: the tables and the credentials come on standard input, the ports go to standard output. */
import { text } from "node:stream/consumers";
import { fromJsonString } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { startDenoEdge } from "../../worker/host/deno.ts";
import type { Credentials } from "./edges.ts";

const { tables, tls } = JSON.parse(await text(process.stdin)) as { tables: string[]; tls?: Credentials };
const parts = tables.map((table) => {
  const decoded = decode(fromJsonString(ClusterTableSchema, table));
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return decoded.part;
});
const compiled = compile(parts);
const edge = startDenoEdge({
  listeners: [
    { hostname: "127.0.0.1", port: 0, ...(tls && { tls }) },
    { hostname: "127.0.0.1", port: 0, ...(tls && { tls }), http2: true },
  ],
  table: () => compiled,
});
console.log(edge.ports.join(" "));
