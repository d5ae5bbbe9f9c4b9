/** The engine against other implementations of HTTP/2, over real sockets. Tools that are missing are named. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect as connectHttp2Session, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, Metadata, Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import { Code } from "../../worker/call/status.ts";
import type { Http2Client } from "../../worker/http2/index.ts";
import { answerAtEnd, bodyOf, call, connect, echo, listen, type Listening, portOf, sumOf } from "./subjects.ts";
import { freePort, noise, program, run, startServer } from "./tools.ts";

const sizes = [0, 1, 100, 16_384, 65_536, 1_000_000, 64_000_000];

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

describe("our client and node:http2's server", () => {
  const server = createHttp2Server({ settings: { maxConcurrentStreams: 50 } });
  let client: Http2Client;

  const behave: Record<string, (stream: ServerHttp2Stream) => void> = {
    "/echo": (stream) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    },
    "/early": (stream) => {
      stream.respond({ ":status": 413 });
      stream.end("too much");
    },
    "/reset": (stream) => stream.close(7),
    "/hints": (stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</x>" });
      stream.respond({ ":status": 204 }, { endStream: true });
    },
    "/goaway": (stream) => {
      stream.session!.goaway(0, stream.id);
      stream.respond({ ":status": 200 });
      stream.end("last");
    },
  };

  beforeAll(async () => {
    server.on("stream", (stream, { ":path": path }) => {
      stream.on("error", () => {});
      behave[path!]!(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    client = await connect(portOf(server));
  });
  afterAll(() => {
    client.close();
    server.close();
  });

  test.each(sizes)("%d bytes come back as they went, with trailers", async (size) => {
    const bytes = noise(size);
    const reply = await call(client, { path: "/echo", body: bodyOf(bytes) });
    expect(reply).toMatchObject({ status: 200, bytes: size, sum: sumOf(bytes) });
    expect(reply.trailers.get("grpc-status")).toBe("0");
  });

  test("a thousand calls at once wait their turn at its limit of 50 streams", async () => {
    const replies = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => call(client, { path: "/echo", body: bodyOf(noise(i)) })),
    );
    expect(replies.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test("an answer that ends before its request is an answer", async () => {
    const reply = await call(client, { path: "/early", body: bodyOf(noise(10_000_000)) });
    expect(reply).toMatchObject({ status: 413, bytes: 8 });
  });

  test("a refused stream may be sent again", async () => {
    await expect(call(client, { path: "/reset" })).rejects.toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
  });

  test("early hints are passed over", async () => {
    expect(await call(client, { path: "/hints" })).toMatchObject({ status: 204, bytes: 0 });
  });

  test("GOAWAY lets the call under way end, and closes", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const leaving = await connect(portOf(server), { onClose: resolve });
    expect(await call(leaving, { path: "/goaway" })).toMatchObject({ bytes: 4 });
    expect(await promise).toBeUndefined();
  });
});

describe("our server", () => {
  let server: Listening;
  let tls: Listening;

  beforeAll(async () => {
    server = await listen(echo);
    tls = await listen(answerAtEnd, { tls: true });
  });
  afterAll(() => Promise.all([server.close(), tls.close()]));

  test.each(sizes)("and node:http2's client: %d bytes come back as they went", async (size) => {
    const session = connectHttp2Session(`http://127.0.0.1:${server.port}`);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    const bytes = noise(size);
    // In pieces: node:http2 resets a stream whose bytes take more than its session's memory.
    Readable.from(pieces(bytes)).pipe(stream);
    let [length, sum] = [0, 0];
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      sum = sumOf(chunk, sum);
    }
    session.close();
    expect({ length, sum }).toEqual({ length: size, sum: sumOf(bytes) });
  });

  test("and node:http2's client over TLS: a megabyte comes back as it went", async () => {
    const secure = await listen(echo, { tls: true });
    const session = connectHttp2Session(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false });
    const bytes = noise(1_000_000);
    for (let i = 0; i < 5; i++) {
      const stream = session.request({ ":method": "POST", ":path": "/" });
      Readable.from(pieces(bytes)).pipe(stream);
      let sum = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) sum = sumOf(chunk, sum);
      expect(sum).toBe(sumOf(bytes));
    }
    await new Promise<void>((resolve) => session.close(resolve));
    await secure.close();
  });

  test("and our client: 64 MB through both windows", async () => {
    const client = await connect(server.port);
    const bytes = noise(64_000_000);
    expect(await call(client, { body: bodyOf(bytes) })).toMatchObject({ bytes: bytes.length, sum: sumOf(bytes) });
    client.close();
  });

  const curl = program("curl");
  test.skipIf(curl === undefined)("and curl (if installed), cleartext and TLS with ALPN", async () => {
    const plain = await run(curl!, [
      "-s",
      "--http2-prior-knowledge",
      "-d",
      "hello",
      `http://127.0.0.1:${server.port}/`,
    ]);
    expect(plain).toEqual({ code: 0, output: "hello" });
    const secure = await run(curl!, [
      "-s",
      "-k",
      "--http2",
      "-w",
      " %{http_version}",
      `https://127.0.0.1:${tls.port}/`,
    ]);
    expect(secure).toEqual({ code: 0, output: "hello 2" });
  });

  const h2load = program("h2load");
  test.skipIf(h2load === undefined)(
    "and h2load (if installed): 20000 requests, 8 connections by 32 streams",
    async () => {
      const options = ["-n", "20000", "-c", "8", "-m", "32", `http://127.0.0.1:${server.port}/`];
      const { output } = await run(h2load!, options);
      expect(output).toContain("20000 succeeded, 0 failed, 0 errored, 0 timeout");
    },
  );
});

const pass = (bytes: Buffer): Buffer => bytes;

describe("grpc-js", () => {
  const path = "/test.Echo/Chat";
  const chat = {
    Chat: {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: pass,
      requestDeserialize: pass,
      responseSerialize: pass,
      responseDeserialize: pass,
    },
  } as const;

  test("its client chats through our server", async () => {
    const server = await listen(({ body }, answer) => {
      const head = { status: 200, fields: Fields.from([["content-type", "application/grpc"]]) };
      const end = Fields.from([["grpc-status", "0"]]);
      answer.respond({
        head,
        body: {
          pipe: (sink) =>
            body.pipe({
              write: (bytes) => sink.write(bytes),
              end: () => sink.end(end),
              fail: (error) => sink.fail(error),
            }),
          consumed: (bytes) => body.consumed(bytes),
          cancel: (error) => body.cancel(error),
        },
      });
      return () => {};
    });
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, pass, pass, new Metadata());
    const heard: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { promise, resolve } = Promise.withResolvers<Buffer>();
      stream.once("data", resolve);
      stream.write(Buffer.from(`message ${i}`));
      heard.push((await promise).toString());
    }
    const status = new Promise((resolve) => stream.on("status", resolve));
    stream.end();
    expect(await status).toMatchObject({ code: 0 });
    expect(heard).toEqual(["message 0", "message 1", "message 2", "message 3", "message 4"]);
    client.close();
    await server.close();
  });

  test("its server answers our client, in Trailers-Only too", async () => {
    const server = new Server();
    server.addService(chat, {
      Chat: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        stream.on("data", (message: Buffer) => stream.write(message));
        stream.on("end", () => stream.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const client = await connect(port);
    const fields = Fields.from([
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ]);
    const message = Uint8Array.of(0, 0, 0, 0, 2, 104, 105);
    const reply = await call(client, { path, fields, body: bodyOf(message) });
    expect(reply).toMatchObject({ status: 200, bytes: 7, sum: sumOf(message) });
    expect(reply.trailers.get("grpc-status")).toBe("0");
    const unknown = await call(client, { path: "/test.Echo/None", fields, body: bodyOf(message) });
    expect(unknown.fields.get("grpc-status") ?? unknown.trailers.get("grpc-status")).toBe("12");
    client.close();
    server.forceShutdown();
  });
});

describe("our client and nghttpd", () => {
  const nghttpd = program("nghttpd");
  test.skipIf(nghttpd === undefined)("(if installed): files of all sizes, and uploads", async () => {
    const folder = mkdtempSync(join(tmpdir(), "edgeway-nghttpd-"));
    for (const size of sizes) writeFileSync(join(folder, String(size)), noise(size));
    const port = await freePort();
    const server = await startServer(nghttpd!, ["--no-tls", "-d", folder, "--echo-upload", String(port)], port);
    const client = await connect(port);
    for (const size of sizes) {
      const reply = await call(client, { method: "GET", path: `/${size}` });
      expect(reply).toMatchObject({ status: 200, bytes: size, sum: sumOf(noise(size)) });
    }
    const bytes = noise(1_000_000);
    expect(await call(client, { path: "/", body: bodyOf(bytes) })).toMatchObject({
      bytes: bytes.length,
      sum: sumOf(bytes),
    });
    const replies = await Promise.all(Array.from({ length: 500 }, () => call(client, { method: "GET", path: "/100" })));
    expect(replies.every(({ bytes: length }) => length === 100)).toBe(true);
    client.close();
    server.kill();
  });
});
