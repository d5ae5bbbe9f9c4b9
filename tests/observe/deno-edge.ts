/** An observed edge on Deno: the table comes on standard input, the port and the access log go to standard output. */
import { text } from "node:stream/consumers";
import { fromJsonString } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { createAdmin } from "../../worker/admin/admin.ts";
import { createConsole } from "../../worker/admin/console.ts";
import { startDenoEdge } from "../../worker/host/deno.ts";
import { consoleAsset } from "../../worker/host/console-files.ts";
import { observeProcess } from "../../worker/host/process-observe.ts";
import { Traffic } from "../../worker/observe/traffic.ts";

const token = "a-token-of-the-console";
const { part, issues } = decode(fromJsonString(ClusterTableSchema, await text(process.stdin)));
if (part === undefined) throw new Error(JSON.stringify(issues));
const table = compile([part], 7n);
const traffic = new Traffic(Date.now);
const admin = createAdmin({
  sync: undefined,
  console: createConsole({
    token,
    table: () => table,
    authority: () => ({ clusters: [], withheld: [], pushes: { counts: { accepted: 0, refused: {} }, recent: [] } }),
    traffic: (since) => traffic.view(since),
    descriptors: () => undefined,
    asset: consoleAsset,
    now: Date.now,
  }),
});
const { ports } = startDenoEdge({
  listeners: [{ hostname: "127.0.0.1", port: 0 }],
  table: () => table,
  admin: (request) => admin.fetch(request),
  inspectToken: token,
  observe: observeProcess({
    settings: { EDGEWAY_ACCESS_LOG: "1" },
    source: "deno",
    report: (report) => traffic.add(report),
    writeLine: (line) => console.log(line),
  }),
});
console.log(ports[0]);
