/** What every host owes every caller: the same cases on Node, workerd (behind Cloudflare's front) and Deno. */
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { tableTo } from "../edges/table.ts";
import { until } from "../e2e/until.ts";
import { type EchoClient, echoClient, serviceName, type Speaker, speakers } from "./clients.ts";

let origin: ExampleServer;
beforeAll(async () => {
  origin = await startGrpc("echo", 0, { [serviceName]: echo("east", "env1") });
});
afterAll(() => origin.stop());

describe.each(Object.keys(edges))("%s", (host) => {
  let edge: EdgeUnderTest;
  beforeAll(async () => {
    edge = await edges[host]!(tableTo(serviceName, origin.port), undefined);
  });
  afterAll(() => edge.close());

  const refused = async () => {
    const client = echoClient({ protocol: "gRPC", httpVersion: "2" }, `http://127.0.0.1:${edge.port}`);
    const error = await failureOf(client["say"]!({}));
    expect(error).toMatchObject({ code: Code.Unimplemented, rawMessage: expect.stringContaining("gRPC-Web") });
  };
  if (host === "deno") test("native gRPC on the port of Deno.serve, which has no trailers, is refused", refused);

  describe.each(speakers)("$protocol over HTTP/$httpVersion", (speaker) => {
    cases(speaker, () => echoClient(speaker, urlOf(edge, speaker)));
  });
});

function urlOf({ port, grpcPort }: EdgeUnderTest, { protocol }: Speaker): string {
  return `http://127.0.0.1:${protocol === "gRPC" ? (grpcPort ?? port) : port}`;
}

function cases({ httpVersion }: Speaker, connect: () => EchoClient): void {
  let client: EchoClient;
  beforeAll(() => {
    client = connect();
  });

  test("a unary call, with metadata both ways", async () => {
    let header: string | null = null;
    let trailer: string | null = null;
    const request = {
      message: "hello",
      headers: [{ name: "before", value: "1" }],
      trailers: [{ name: "after", value: "2" }],
    };
    const answer = await client["say"]!(request, {
      headers: { tenant: "blue" },
      onHeader: (headers: Headers) => (header = headers.get("before")),
      onTrailer: (trailers: Headers) => (trailer = trailers.get("after")),
    });
    expect(answer).toMatchObject({ message: "hello", cluster: "east" });
    expect(answer.headers).toContainEqual(expect.objectContaining({ name: "tenant", value: "blue" }));
    expect([header, trailer]).toEqual(["1", "2"]);
  });

  test("a stream of answers, whole and in order", async () => {
    const numbers: number[] = [];
    let bytes = 0;
    for await (const { number, payload } of client["stream"]!({ count: 200, size: 20_000 })) {
      numbers.push(number);
      bytes += payload.length;
    }
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(bytes).toBe(4_000_000);
  });

  test("a stream of requests, whole", async () => {
    const payload = new Uint8Array(20_000);
    async function* requests() {
      for (let i = 0; i < 200; i++) yield { payload };
    }
    expect(await client["collect"]!(requests())).toMatchObject({ messages: 200, bytes: 4_000_000n });
  });

  const interleaved = async () => {
    const sent = new Turns();
    const answers = client["chat"]!(sent)[Symbol.asyncIterator]();
    for (const text of ["one", "two", "three"]) {
      sent.push({ text });
      expect((await answers.next()).value).toMatchObject({ text });
    }
    sent.end();
    expect(await answers.next()).toMatchObject({ done: true });
  };
  // connect-node reads no answer over HTTP/1.1 before it has sent its request.
  if (httpVersion === "2") test("each message is answered before the next one is sent", interleaved);

  test("an error of the service's, after messages", async () => {
    const seen: number[] = [];
    const failing = async () => {
      for await (const { number } of client["fail"]!({ code: 9, message: "später", reason: "TOO_EARLY", after: 2 })) {
        seen.push(number);
      }
    };
    const error = await failureOf(failing());
    expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "später" });
    expect(error.details).toMatchObject([{ type: "google.rpc.ErrorInfo" }]);
    expect(seen).toEqual([1, 2]);
  });

  test("a call that takes longer than its deadline", async () => {
    const error = await failureOf(client["sleep"]!({ millis: 60_000 }, { timeoutMs: 200 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("a caller that leaves is seen by the origin", async () => {
    const cancelled = async () => Number((await client["calls"]!({})).cancelled);
    const before = await cancelled();
    const leaving = new AbortController();
    const reading = async () => {
      const answers = client["stream"]!({ count: 1_000_000, size: 10, intervalMillis: 5 }, { signal: leaving.signal });
      for await (const _ of answers) leaving.abort();
    };
    expect((await failureOf(reading())).code).toBe(Code.Canceled);
    await until(
      async () => (await cancelled()) > before,
      () => "the origin sees it",
    );
  });
}

/** What a call fails with. */
async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call did not fail");
}

/** Messages as they are pushed. */
class Turns implements AsyncIterable<object> {
  readonly #queue: object[] = [];
  #ended = false;
  #wake = () => {};

  push(message: object): void {
    this.#queue.push(message);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<object> {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift()!;
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
