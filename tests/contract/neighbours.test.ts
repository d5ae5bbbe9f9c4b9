/** Callers of one origin share its connections: what one of them does not read must not hold up the others. */
import { connect } from "node:http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExampleServer } from "../../examples/services/servers.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { echo } from "../../examples/services/echo.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { tableTo } from "../edges/table.ts";
import { echoClient, serviceName } from "./clients.ts";

let origin: ExampleServer;
beforeAll(async () => {
  origin = await startGrpc("neighbours", 0, { [serviceName]: echo("one", "prod") });
});
afterAll(() => origin.stop());

/** StreamRequest {count = 1: 100,000, size = 2: 1,000}, in gRPC's framing. */
const endless = Buffer.from([0, 0, 0, 0, 7, 0x08, 0xa0, 0x8d, 0x06, 0x10, 0xe8, 0x07]);

describe.each(Object.keys(edges))("%s", (host) => {
  let edge: EdgeUnderTest;
  beforeAll(async () => {
    edge = await edges[host]!(tableTo(serviceName, origin.port), undefined);
  });
  afterAll(() => edge.close());

  test("a caller that reads nothing of its streams holds up nobody else's calls", async () => {
    const url = `http://127.0.0.1:${edge.grpcPort ?? edge.port}`;
    const unread = connect(url);
    unread.on("error", () => {});
    const heads = Array.from({ length: 32 }, () => {
      const call = unread.request({
        ":method": "POST",
        ":path": `/${serviceName}/Stream`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      call.on("error", () => {}).end(endless);
      // Never read: no data listener.
      return new Promise((resolve) => call.on("response", resolve));
    });
    await Promise.all(heads);
    const client = echoClient({ protocol: "gRPC", httpVersion: "2" }, url);
    const calls = Array.from({ length: 20 }, () => client["say"]!({ message: "hello" }, { timeoutMs: 10_000 }));
    expect((await Promise.all(calls)).map(({ cluster }) => cluster)).toEqual(calls.map(() => "one"));
    unread.destroy();
  });
});
