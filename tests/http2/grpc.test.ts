/** The engine against gRPC's C core, in Python, and grpc-go, in grpcurl, where they are installed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import type { Handler } from "../../worker/call/http.ts";
import { bodyOf, call, connect, listen, sumOf } from "./subjects.ts";
import { framed, noise, program, pythonHas, run } from "./tools.ts";

const head = { status: 200, fields: Fields.from([["content-type", "application/grpc"]]) };
const succeeded = Fields.from([["grpc-status", "0"]]);

/** Sends messages back as they come, and says OK at the end. */
const grpcEcho: Handler = ({ body }, answer) => {
  answer.respond({
    head,
    body: {
      pipe: (sink) =>
        body.pipe({
          write: (bytes) => sink.write(bytes),
          end: () => sink.end(succeeded),
          fail: (error) => sink.fail(error),
        }),
      consumed: (bytes) => body.consumed(bytes),
      cancel: (error) => body.cancel(error),
    },
  });
  return (reason) => body.cancel(reason);
};

describe.skipIf(!pythonHas("grpc"))("the C core, in Python (if installed)", () => {
  test("its client calls our server: unary of all sizes, a conversation, a cancel", async () => {
    const server = await listen(grpcEcho);
    const script = `
import grpc, sys
options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
channel = grpc.insecure_channel("127.0.0.1:${server.port}", options=options)
call = channel.unary_unary("/test.Echo/Call")
for size in [0, 1, 100, 65536, 1000000, 64000000]:
    assert call(b"x" * size, timeout=20) == b"x" * size, size
for i in range(500): assert call(str(i).encode(), timeout=20, metadata=[("x-id", str(i))]) == str(i).encode()
import queue
sent = queue.Queue()
replies = channel.stream_stream("/test.Echo/Chat")(iter(sent.get, None), timeout=20)
for i in range(20):
    sent.put(b"%d" % i)
    assert next(replies) == b"%d" % i
replies.cancel()
assert call(b"after", timeout=20) == b"after"
print("done")`;
    expect(await run("python3", ["-c", script])).toMatchObject({ code: 0, output: "done\n" });
    await server.close();
  });

  test("its server answers our client, errors and large messages too", async () => {
    const script = `
import grpc, sys
from concurrent import futures
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/test.Echo/Call": return grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        if details.method == "/test.Echo/Fail": return grpc.unary_unary_rpc_method_handler(
            lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "not here"))
options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()], options=options)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(0)`;
    const server = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const client = await connect(Number(line.toString()));
    const fields = Fields.from([
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ]);
    for (const size of [0, 1, 100, 65_536, 1_000_000, 64_000_000]) {
      const message = framed(noise(size));
      const reply = await call(client, { path: "/test.Echo/Call", fields, body: bodyOf(message) });
      expect(reply).toMatchObject({ status: 200, bytes: message.length, sum: sumOf(message) });
      expect(reply.trailers.get("grpc-status")).toBe("0");
    }
    const failed = await call(client, { path: "/test.Echo/Fail", fields, body: bodyOf(framed(noise(1))) });
    expect(failed.trailers.get("grpc-status") ?? failed.fields.get("grpc-status")).toBe("5");
    client.close();
    server.stdin.end();
    await once(server, "exit");
  });
});

const grpcurl = program("grpcurl");
test.skipIf(grpcurl === undefined)("grpc-go, in grpcurl (if installed), calls our server", async () => {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-grpcurl-"));
  const proto =
    'syntax = "proto3"; package test; message Text { string text = 1; } service Echo { rpc Chat(stream Text) returns (stream Text); }';
  writeFileSync(join(folder, "echo.proto"), proto);
  const server = await listen(grpcEcho);
  const options = [
    "-plaintext",
    "-import-path",
    folder,
    "-proto",
    "echo.proto",
    "-d",
    "@",
    `127.0.0.1:${server.port}`,
    "test.Echo/Chat",
  ];
  const texts = Array.from({ length: 50 }, (_, i) => `{"text":"${String(i).repeat(1000)}"}`);
  const { code, output } = await run(grpcurl!, options, texts.join("\n"));
  expect(code).toBe(0);
  expect(output.match(/"text"/g)).toHaveLength(50);
  await server.close();
});
