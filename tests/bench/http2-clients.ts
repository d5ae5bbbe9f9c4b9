/** The clients that are compared: each makes unary gRPC calls over one connection. */
import { connect as connectHttp2Session, type ClientHttp2Session } from "node:http2";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ByteStream } from "../../worker/call/byte-stream.ts";
import type { CallError } from "../../worker/call/error.ts";
import { Fields } from "../../worker/call/fields.ts";
import type { Answer, Body, BodySink, HttpResponse, RequestHead } from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { connectTcp } from "../../worker/host/node-stream.ts";
import { connectHttp2, type Http2Client } from "../../worker/http2/index.ts";
import { callPath, pass } from "./http2-servers.ts";
import { type Caller, giveUp } from "./load.ts";

/** gRPC's five bytes before a message. */
const prefixBytes = 5;

function framed(message: Buffer): Buffer {
  const bytes = Buffer.alloc(prefixBytes + message.length);
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, prefixBytes);
  return bytes;
}

/** A message is framed once: that is no client's work. */
const framings = new WeakMap<Buffer, Buffer>();

function framing(message: Buffer): Buffer {
  let bytes = framings.get(message);
  if (bytes === undefined) framings.set(message, (bytes = framed(message)));
  return bytes;
}

/** The head of a call to `authority`; metadata besides what gRPC itself asks for. */
export function requestHead(
  scheme: RequestHead["scheme"],
  authority: string,
  ...metadata: readonly string[]
): RequestHead {
  const fields = new Fields(["content-type", "application/grpc", "te", "trailers", ...metadata]);
  return { method: "POST", scheme, authority, path: callPath, fields };
}

/** One call of the engine's. */
class EdgewayCall implements Body, Answer, BodySink {
  readonly #message: Buffer;
  readonly #done: (bytes: number | undefined) => void;
  readonly #again: (call: EdgewayCall) => void;
  #response: Body | undefined;
  #bytes = -prefixBytes;

  /** `again` sends it once more: a gateway may refuse a stream, and then has not begun with it. */
  constructor(message: Buffer, done: (bytes: number | undefined) => void, again: (call: EdgewayCall) => void) {
    this.#message = message;
    this.#done = done;
    this.#again = again;
  }
  pipe(sink: BodySink): void {
    sink.write(this.#message);
    sink.end(Fields.empty);
  }
  consumed(): void {}
  cancel(): void {}
  respond({ body }: HttpResponse): void {
    this.#response = body;
    body.pipe(this);
  }
  fail(error: CallError): void {
    if (error.unprocessed) this.#again(this);
    else giveUp(error);
  }
  write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#response!.consumed(bytes.length);
  }
  end(trailers: Fields): void {
    this.#done(trailers.get("grpc-status") === "0" ? this.#bytes : undefined);
  }
}

/** The engine over `stream`. `headOf` makes the head of the call with `id`. */
export function engineCaller(stream: ByteStream, headOf: (id: string | undefined) => RequestHead): Caller {
  const client: Http2Client = connectHttp2(stream, { clock: nodeClock, defer: nodeDefer });
  const identical = headOf(undefined);
  return {
    call(message, id, done) {
      const head = id === undefined ? identical : headOf(id);
      const send = (call: EdgewayCall): void => void client.handle({ head, body: call }, call);
      send(new EdgewayCall(framing(message), done, send));
    },
    close: () => client.close(),
  };
}

async function connectEdgeway(port: number): Promise<Caller> {
  const stream = await connectTcp({ port, host: "127.0.0.1" }, 1000);
  const authority = `127.0.0.1:${port}`;
  return engineCaller(stream, (id) =>
    id === undefined ? requestHead("http", authority) : requestHead("http", authority, "x-request-id", id),
  );
}

async function connectNode(port: number): Promise<Caller> {
  const session = await new Promise<ClientHttp2Session>((resolve) => {
    const opened = connectHttp2Session(`http://127.0.0.1:${port}`, () => resolve(opened));
  });
  return {
    call(message, id, done) {
      const headers: Record<string, string> = {
        ":method": "POST",
        ":path": callPath,
        "content-type": "application/grpc",
        te: "trailers",
      };
      if (id !== undefined) headers["x-request-id"] = id;
      const stream = session.request(headers);
      let bytes = -prefixBytes;
      stream.on("trailers", (trailers) => {
        if (trailers["grpc-status"] !== "0") throw new Error("not OK");
      });
      stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
      stream.on("end", () => done(bytes));
      stream.end(framing(message));
    },
    close: () => session.destroy(),
  };
}

function connectGrpc(port: number): Promise<Caller> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const empty = new Metadata();
  const caller: Caller = {
    call(message, id, done) {
      const metadata = id === undefined ? empty : new Metadata();
      if (id !== undefined) metadata.set("x-request-id", id);
      client.makeUnaryRequest(callPath, pass, pass, message, metadata, (error, answer) => {
        if (error !== null) throw error;
        done(answer!.length);
      });
    },
    close: () => client.close(),
  };
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 5000, (error) => (error === undefined ? resolve(caller) : reject(error)));
  });
}

export const clients: Readonly<Record<string, (port: number) => Promise<Caller>>> = {
  edgeway: connectEdgeway,
  "node:http2": connectNode,
  "grpc-js": connectGrpc,
};
