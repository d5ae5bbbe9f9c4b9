import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collect, GrpcClient, metadataOf } from "./clients.ts";
import { edge } from "./edge.ts";
import { grpcService } from "./manifests.ts";
import { countingProxy, http2Origin, type Peer } from "./peers.ts";
import { frame, sendWeb, trailers } from "./raw.ts";
import { until } from "./until.ts";

const echo = (method: string) => `edgeway.examples.v1.Echo/${method}`;
/** Calls with it reach the same instance of the echo. */
const env1 = { env: "env1" };

export function ends(): void {
  let client: GrpcClient;
  beforeAll(() => {
    client = new GrpcClient(edge);
  });
  afterAll(() => client.close());

  describe("cancellation", () => cancellation(() => client));
  describe("deadlines", () => deadlines(() => client));
  describe("an answer before the request has ended", earlyAnswers);
}

const resetCode = { CANCEL: 0x8 };

function cancellation(client: () => GrpcClient): void {
  /** Answers with a head and reads on: never ends a call itself. */
  let origin: Peer;
  const streams: ServerHttp2Stream[] = [];
  let visitor: GrpcClient;

  beforeAll(async () => {
    origin = await http2Origin((stream) => {
      streams.push(stream.resume());
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
    });
    await edge.apply("east", "patient.yaml", grpcService("patient.test", origin.address));
    visitor = new GrpcClient({ ...edge, authority: "patient.test" });
  });
  afterAll(async () => {
    visitor.close();
    await origin[Symbol.asyncDispose]();
  });

  test.each(["Collect", "Chat"])(
    "a caller that cancels %s while it still sends is seen by the origin",
    async (method) => {
      const call = visitor.open(echo(method));
      const failure = collect(call[Symbol.asyncIterator]());
      call.write({});
      await once(call, "metadata");
      const stream = streams.at(-1)!;
      call.cancel();
      await expect(failure).rejects.toMatchObject({ code: status.CANCELLED });
      await seen(stream, "the origin sees it");
      expect(stream.rstCode).toBe(resetCode.CANCEL);
    },
  );

  test("a caller whose connection breaks is seen by the origin", async () => {
    await using proxy = await countingProxy(edge.tlsPort);
    const leaver = new GrpcClient({ tlsPort: Number(proxy.address.split(":")[1]), authority: "patient.test" });
    const call = leaver.open(echo("Chat"));
    const failure = once(call, "error");
    call.write({});
    await once(call, "metadata");
    const stream = streams.at(-1)!;
    proxy.cut();
    expect(await failure).toMatchObject([{ code: status.UNAVAILABLE }]);
    await seen(stream, "the origin sees it");
    expect(stream.rstCode).toBe(resetCode.CANCEL);
    leaver.close();
  });

  test("a caller that cancels a stream of answers is seen by the service", async () => {
    const calls = () => client().unary(echo("Calls"), {}, env1) as Promise<{ open: number; cancelled: number }>;
    const before = await calls();
    const call = client().open(echo("Stream"), env1);
    const answers = call[Symbol.asyncIterator]();
    call.end({ count: 1_000_000, size: 10, intervalMillis: 10 });
    expect((await answers.next()).value).toMatchObject({ number: 1 });
    call.cancel();
    await until(
      async () => (await calls()).cancelled === before.cancelled + 1,
      () => "the service sees it",
    );
  });

  test("a call that the origin resets ends for its caller, by the backend's name", async () => {
    const call = visitor.open(echo("Chat"));
    const failure = collect(call[Symbol.asyncIterator]());
    call.write({});
    await once(call, "metadata");
    streams.at(-1)!.destroy(new Error("the origin breaks off"));
    const details = expect.stringContaining("backend east/default/patient-test:80");
    await expect(failure).rejects.toMatchObject({ code: status.INTERNAL, details });
  });
}

const seen = (stream: ServerHttp2Stream, what: string) =>
  until(
    () => stream.closed,
    () => what,
  );

function deadlines(client: () => GrpcClient): void {
  /** Takes calls and ignores their deadlines. */
  let origin: Peer;
  const streams: { readonly timeout: string | undefined; readonly stream: ServerHttp2Stream }[] = [];

  beforeAll(async () => {
    origin = await http2Origin((stream, headers) => {
      streams.push({ timeout: headers["grpc-timeout"], stream: stream.resume() });
    });
    await edge.apply("east", "mute.yaml", grpcService("mute.test", origin.address));
  });
  afterAll(() => origin[Symbol.asyncDispose]());

  test("the time left is passed on to the origin", async () => {
    const options = { deadline: Date.now() + 10_000 };
    const { response } = await client().call(echo("Say"), {}, metadataOf({}), options);
    expect(response["timeoutMillis"]).toBeGreaterThan(5_000);
    expect(response["timeoutMillis"]).toBeLessThanOrEqual(10_000);
  });

  test("a caller without a deadline sets the origin none", async () => {
    expect(await client().unary(echo("Say"), {})).not.toHaveProperty("timeoutMillis");
  });

  test("one that the origin ignores is enforced by the edge, and the origin is told", async () => {
    const begin = performance.now();
    const { status: answered, body } = await sendWeb({
      port: edge.clearPort,
      method: echo("Sleep"),
      headers: { host: "mute.test", "grpc-timeout": "250m" },
      body: frame("edgeway.examples.v1.SleepRequest", {}),
    });
    expect(performance.now() - begin).toBeGreaterThan(240);
    expect(answered).toBe(200);
    expect(trailers(body)).toMatchObject({ "grpc-status": String(status.DEADLINE_EXCEEDED) });
    const { timeout, stream } = streams.at(-1)!;
    expect(timeout).toMatch(/^\d+m$/);
    expect(parseInt(timeout!, 10)).toBeLessThanOrEqual(250);
    await seen(stream, "the origin is told");
  });

  test("it is the caller's own when the caller gives up first", async () => {
    const patient = new GrpcClient({ ...edge, authority: "mute.test" });
    const call = patient.call(echo("Sleep"), {}, undefined, { deadline: Date.now() + 200 });
    await expect(call).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    patient.close();
  });
}

function earlyAnswers(): void {
  const count = 200;
  const message = { payload: Buffer.alloc(64 * 1024) };

  /** Calls a host with a client stream that it does not read to its end. */
  async function call(hostname: string) {
    const visitor = new GrpcClient({ ...edge, authority: hostname });
    const stream = visitor.open(echo("Collect"));
    for (let i = 0; i < count; i += 1) stream.write(message);
    try {
      return await collect(stream[Symbol.asyncIterator]());
    } finally {
      visitor.close();
    }
  }

  test("that is an error reaches the caller", async () => {
    await using origin = await http2Origin((stream) => {
      const fields = { "content-type": "application/grpc", "grpc-status": "7", "grpc-message": "not you" };
      stream.respond({ ":status": 200, ...fields }, { endStream: true });
      stream.resume();
    });
    await edge.apply("east", "early.yaml", grpcService("early.test", origin.address));
    await expect(call("early.test")).rejects.toMatchObject({ code: status.PERMISSION_DENIED, details: "not you" });
  });

  test("that is complete reaches the caller, though the origin reads no more", async () => {
    const noError = 0x0;
    await using origin = await http2Origin((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => {
        stream.sendTrailers({ "grpc-status": "0" });
        setImmediate(() => stream.close(noError)); // once the trailers are sent
      });
      stream.end(frame("edgeway.examples.v1.CollectResponse", { messages: 1, bytes: 2 }));
    });
    await edge.apply("east", "enough.yaml", grpcService("enough.test", origin.address));
    expect(await call("enough.test")).toEqual([{ messages: 1, bytes: 2 }]);
  });

  test("that the edge gives itself reaches the caller, and the next call works", async () => {
    const visitor = new GrpcClient(edge);
    const stream = visitor.open("nobody.Nothing/Do");
    const failure = collect(stream[Symbol.asyncIterator]());
    for (let i = 0; i < count; i += 1) stream.write({ message: "x".repeat(64 * 1024) });
    await expect(failure).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
    expect(await visitor.unary("helloworld.Greeter/SayHello", { name: "Ada" })).toEqual({ message: "Hello Ada" });
    visitor.close();
  });
}
