import { connect } from "node:http2";
import { startGrpc } from "../examples/services/servers.ts";
import { echo } from "../examples/services/echo.ts";
import { edges } from "./edges/edges.ts";
import { tableTo } from "./edges/table.ts";
import { echoClient, serviceName } from "./contract/clients.ts";
const endless = Buffer.from([0, 0, 0, 0, 7, 0x08, 0xa0, 0x8d, 0x06, 0x10, 0xe8, 0x07]);
const origin = await startGrpc("neighbours", 0, { [serviceName]: echo("one", "prod") });
const edge = await edges[process.argv[2]!]!(tableTo(serviceName, origin.port), undefined);
const url = `http://127.0.0.1:${edge.grpcPort ?? edge.port}`;
for (const n of [1, 2, 4, 8, 16, 32]) {
  const unread = connect(url); unread.on("error", () => {});
  const heads = Array.from({ length: n }, () => { const call = unread.request({ ":method": "POST", ":path": `/${serviceName}/Stream`, "content-type": "application/grpc", te: "trailers" }); call.on("error", () => {}).end(endless); return new Promise((r) => call.on("response", r)); });
  await Promise.all(heads);
  const client = echoClient({ protocol: "gRPC", httpVersion: "2" }, url);
  const t = performance.now();
  const r = await client["say"]!({ message: "x" }, { timeoutMs: 3000 }).then(() => "ok", (e: any) => e.message);
  console.log(n, r, Math.round(performance.now() - t));
  unread.destroy();
  await new Promise((r) => setTimeout(r, 300));
  const r2 = await client["say"]!({ message: "x" }, { timeoutMs: 3000 }).then(() => "ok", (e: any) => e.message);
  console.log("after", r2);
}
process.exit(0);
