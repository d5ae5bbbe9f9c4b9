/**
 * A process of the translation bench. The first argument says which: "origin" answers gRPC calls with what they bring,
 * "edgeway" is the Node edge before it, "load" makes calls when told to. The second is the origin's port, the third a file
 * with the descriptors of tests/bench/proto.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { connectTcp } from "../../worker/host/node-stream.ts";
import { edges } from "../edges/edges.ts";
import { anyCallTo } from "../edges/table.ts";
import { portOf } from "../http2/subjects.ts";
import { serveEcho } from "./http2-servers.ts";
import { type Caller, type Load, runLoad } from "./load.ts";
import { type CallName, translatedCaller, translatedCalls } from "./translate-calls.ts";

/** An order to "load". */
export interface TranslateLoad extends Load {
  readonly name: CallName;
  readonly port: number;
  readonly connections: number;
}

const host = "127.0.0.1";
const connectMs = 2_000;

const [role, origin, file] = process.argv.slice(2);
const descriptors = readFileSync(file!);
const calls = translatedCalls(createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)));

const listeners: Readonly<Record<string, () => Promise<number>>> = {
  async origin() {
    const server = createServer((socket) => serveEcho(socket, "http"));
    server.listen(0, host);
    await once(server, "listening");
    return portOf(server);
  },
  async edgeway() {
    const table = anyCallTo(Number(origin), OriginProtocol.GRPC, descriptors);
    return (await edges["node"]!(table, undefined)).port;
  },
};

async function run({ name, port, connections, ...load }: TranslateLoad) {
  const open = Array.from({ length: connections }, async (): Promise<Caller> => {
    const stream = await connectTcp({ host, port }, connectMs);
    return translatedCaller(stream, `localhost:${port}`, calls[name]);
  });
  const callers = await Promise.all(open);
  const result = await runLoad(callers, load);
  for (const caller of callers) caller.close();
  return result;
}

process.on("message", (order: TranslateLoad) => {
  void run(order).then((result) => process.send!(result));
});
process.on("disconnect", () => process.exit());
process.send!((await listeners[role!]?.()) ?? "ready");
