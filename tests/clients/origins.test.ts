/** Callers of every protocol before origins that speak gRPC-Web or Connect and nothing else. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FilterSchema, HeaderModifierSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { type EchoClient, echoClient, serviceName, speakers } from "../contract/clients.ts";
import { root } from "../dev/cli.ts";
import { sequence } from "../e2e/clients.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { tableTo } from "../edges/table.ts";
import { type Origin, type OriginKind, startOrigin } from "./origins.ts";

const kinds: readonly OriginKind[] = [
  { protocol: "gRPC-Web", httpVersion: "2" },
  { protocol: "gRPC-Web", httpVersion: "1.1" },
  { protocol: "Connect", httpVersion: "2" },
  { protocol: "Connect", httpVersion: "1.1" },
];

const build = ["build", join(root, "examples/proto"), "--as-file-descriptor-set", "-o", "-"];
const descriptors = execFileSync(join(root, "node_modules/.bin/buf"), build);

function startEdge({ protocol, httpVersion }: OriginKind, origin: Origin, described: boolean): Promise<EdgeUnderTest> {
  const speaks = {
    protocol: protocol === "Connect" ? OriginProtocol.CONNECT : OriginProtocol.GRPC_WEB,
    http2: httpVersion === "2",
  };
  const table = tableTo(serviceName, origin.port, described ? descriptors : undefined, speaks);
  const value = create(HeaderModifierSchema, { set: [{ name: "x-edge", value: "1" }] });
  table.routes[0]!.rules[0]!.filters = [create(FilterSchema, { filter: { case: "responseTrailers", value } })];
  return edges["node"]!(table, undefined);
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.unreachable("the call did not fail"),
    (error: unknown) => ConnectError.from(error),
  );
}

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const received: T[] = [];
  for await (const answer of answers) received.push(answer);
  return received;
}

describe.each(kinds)("an origin of $protocol over HTTP/$httpVersion", (kind) => {
  let origin: Origin;
  let edge: EdgeUnderTest;
  beforeAll(async () => {
    origin = await startOrigin(kind);
    edge = await startEdge(kind, origin, true);
  });
  afterAll(async () => {
    await edge.close();
    await origin.close();
  });

  describe.each([...speakers, { protocol: "Connect", httpVersion: "2", json: true } as const])(
    "$protocol over HTTP/$httpVersion, JSON: $json",
    (speaker) => {
      let client: EchoClient;
      beforeAll(() => {
        client = echoClient(speaker, `http://127.0.0.1:${edge.port}`);
      });

      test("a unary call, with metadata both ways and its deadline", async () => {
        let [header, trailer]: (string | null)[] = [null, null];
        const request = {
          message: "hé",
          headers: [{ name: "before", value: "1" }],
          trailers: [{ name: "after", value: "2" }],
        };
        const answer = await client["say"]!(request, {
          headers: { tenant: "blue" },
          timeoutMs: 20_000,
          onHeader: (headers: Headers) => (header = headers.get("before")),
          onTrailer: (trailers: Headers) => (trailer = trailers.get("after")),
        });
        expect(answer).toMatchObject({ message: "hé", cluster: "east" });
        expect(answer.headers).toContainEqual(expect.objectContaining({ name: "tenant", value: "blue" }));
        expect(answer.timeoutMillis).toBeLessThanOrEqual(20_000);
        expect([header, trailer]).toEqual(["1", "2"]);
      });

      test("streams of answers, of requests, and of both", async () => {
        const streamed = await all<{ number: number; payload: Uint8Array }>(
          client["stream"]!({ count: 50, size: 9000 }),
        );
        expect(streamed.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
        expect(streamed.every(({ payload }) => payload.length === 9000)).toBe(true);
        const payload = new Uint8Array(9000);
        const collected = await client["collect"]!(sequence(...Array.from({ length: 50 }, () => ({ payload }))));
        expect(collected).toMatchObject({ messages: 50, bytes: 450_000n });
        // connect-node refuses streams of both with 505 over HTTP/1.1.
        if (kind.httpVersion === "1.1") return;
        const texts = ["one", "two", "three"];
        const chatted = await all<{ text: string }>(client["chat"]!(sequence(...texts.map((text) => ({ text })))));
        expect(chatted.map(({ text }) => text)).toEqual(texts);
      });

      test("an error of the service's, with its details and metadata, and what a filter adds, before and after messages", async () => {
        for (const after of [0, 2]) {
          const failing = client["fail"]!({ code: 9, message: "später", reason: "TOO_EARLY", after });
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          const error = await failureOf(all(failing));
          expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "später" });
          expect(error.details).toMatchObject([{ type: "google.rpc.ErrorInfo" }]);
          expect(error.metadata.get("x-after")).toBe("1");
          expect(error.metadata.get("x-edge")).toBe("1");
        }
      });

      test("a method that the origin does not have, and a call that takes longer than its deadline", async () => {
        expect((await failureOf(client["calls"]!({}))).code).toBe(Code.Unimplemented);
        const late = await failureOf(client["sleep"]!({ millis: 60_000 }, { timeoutMs: 200 }));
        expect(late.code).toBe(Code.DeadlineExceeded);
      });
    },
  );

  test("got everything in its own protocol", () => {
    const own =
      kind.protocol === "Connect"
        ? /^(POST|GET) application\/(connect\+)?(proto|json)$|^GET/
        : /^POST application\/grpc-web/;
    expect(origin.seen.filter((request) => !own.test(request))).toEqual([]);
  });
});

test("without descriptors a gRPC call to a Connect origin is a unary one, and another message is refused", async () => {
  const kind = { protocol: "Connect", httpVersion: "2" } as const;
  const origin = await startOrigin(kind);
  const edge = await startEdge(kind, origin, false);
  const client = echoClient({ protocol: "gRPC", httpVersion: "2" }, `http://127.0.0.1:${edge.port}`);
  expect(await client["say"]!({ message: "hello" })).toMatchObject({ message: "hello" });
  const error = await failureOf(client["collect"]!(sequence({}, {})));
  expect(error).toMatchObject({ code: Code.Unimplemented, rawMessage: expect.stringContaining("descriptors") });
  // Connect's own callers say what they call.
  const own = echoClient({ protocol: "Connect", httpVersion: "2" }, `http://127.0.0.1:${edge.port}`);
  expect(await own["collect"]!(sequence({}, {}))).toMatchObject({ messages: 2 });
  await edge.close();
  await origin.close();
});
