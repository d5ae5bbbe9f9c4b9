/** Unary calls in gRPC-Web over HTTP/1.1, as workerd takes them: one call at a time on each connection. */
import { Fields } from "../../worker/call/fields.ts";
import type { Answer, Body, BodySink, HttpResponse, RequestHead } from "../../worker/call/http.ts";
import { nodeClock } from "../../worker/host/node-runtime.ts";
import { connectTcp } from "../../worker/host/node-stream.ts";
import { connectHttp1 } from "../../worker/http1/connection.ts";
import { envelope, Flag, prefixLength } from "../../worker/wire/envelope.ts";
import { callPath } from "./http2-servers.ts";
import { type Caller, giveUp } from "./load.ts";

/** One call. Its answer is short: it is put together before it is looked at. */
class WebCall implements Body, Answer, BodySink {
  readonly #message: Uint8Array;
  readonly #done: (bytes: number) => void;
  #response: Body | undefined;
  readonly #chunks: Buffer[] = [];

  constructor(message: Uint8Array, done: (bytes: number) => void) {
    this.#message = message;
    this.#done = done;
  }
  pipe(sink: BodySink): void {
    sink.write(this.#message);
    sink.end(Fields.empty);
  }
  consumed(): void {}
  cancel(): void {}
  respond({ head, body }: HttpResponse): void {
    if (head.status !== 200) return giveUp(new Error(`status ${head.status}`));
    this.#response = body;
    body.pipe(this);
  }
  fail(error: Error): void {
    giveUp(error);
  }
  write(bytes: Uint8Array): void {
    this.#chunks.push(Buffer.from(bytes));
    this.#response!.consumed(bytes.length);
  }
  end(): void {
    const answer = Buffer.concat(this.#chunks);
    const length = answer.length < prefixLength ? 0 : answer.readUInt32BE(1);
    const end = answer.subarray(prefixLength + length);
    const isOk = end[0] === Flag.TRAILERS && end.toString("latin1", prefixLength).startsWith("grpc-status:0\r\n");
    if (!isOk) return giveUp(new Error(`not OK: ${answer.toString("latin1")}`));
    // What was asked for with this connection comes next: it must be free by then.
    queueMicrotask(() => this.#done(length));
  }
}

export async function connectWeb(port: number): Promise<Caller> {
  const stream = await connectTcp({ port, host: "127.0.0.1" }, 2000);
  const client = connectHttp1(stream, {
    clock: nodeClock,
    idleMs: 3_600_000,
    onCapacity() {},
    onClose() {},
  });
  return {
    call(message, id, done) {
      const framed = envelope(0, message);
      const flat = ["content-type", "application/grpc-web+proto", "content-length", String(framed.length)];
      if (id !== undefined) flat.push("x-request-id", id);
      const fields = new Fields(flat);
      const head: RequestHead = { method: "POST", scheme: "http", authority: "localhost", path: callPath, fields };
      const call = new WebCall(framed, done);
      client.handle({ head, body: call }, call);
    },
    close: () => client.close(),
  };
}
