/** The servers that are compared: each answers a unary gRPC call with the message it got. */
import { createServer as createHttp2Server } from "node:http2";
import { createServer, type Socket } from "node:net";
import { Server, ServerCredentials, type handleUnaryCall } from "@grpc/grpc-js";
import { Fields } from "../../worker/call/fields.ts";
import type { Answer, Body, BodySink, HttpRequest, RequestHead, ResponseHead } from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { nodeStream } from "../../worker/host/node-stream.ts";
import { serveHttp2 } from "../../worker/http2/index.ts";
import { portOf } from "../http2/subjects.ts";

export const service = "bench.Echo";
export const callPath = `/${service}/Call`;

const head: ResponseHead = { status: 200, fields: Fields.from([["content-type", "application/grpc"]]) };
const trailers = Fields.from([["grpc-status", "0"]]);

/** One call: takes the request, and answers once it has ended. */
class Echo implements BodySink, Body {
  readonly #request: HttpRequest;
  readonly #answer: Answer;
  #message: Uint8Array | undefined;

  constructor(request: HttpRequest, answer: Answer) {
    this.#request = request;
    this.#answer = answer;
    request.body.pipe(this);
  }
  write(bytes: Uint8Array): void {
    this.#message = this.#message === undefined ? bytes.slice() : Buffer.concat([this.#message, bytes]);
    this.#request.body.consumed(bytes.length);
  }
  end(): void {
    this.#answer.respond({ head, body: this });
  }
  fail(): void {}
  pipe(sink: BodySink): void {
    sink.write(this.#message!);
    sink.end(trailers);
  }
  consumed(): void {}
  cancel(): void {}
}

/** Answers the calls of one connection with what they bring. */
export function serveEcho(socket: Socket, scheme: RequestHead["scheme"]): void {
  serveHttp2(nodeStream(socket), {
    clock: nodeClock,
    defer: nodeDefer,
    scheme,
    handler: (request, answer) => {
      void new Echo(request, answer);
      return () => {};
    },
  });
}

function listenEdgeway(): Promise<number> {
  const server = createServer((socket) => serveEcho(socket, "http"));
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(portOf(server)));
  });
}

function listenNode(): Promise<number> {
  const server = createHttp2Server();
  server.on("stream", (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(portOf(server)));
  });
}

/** Messages are bytes to us. */
export const pass = (bytes: Buffer): Buffer => bytes;

const echo: handleUnaryCall<Buffer, Buffer> = (call, done) => done(null, call.request);

function listenGrpc(): Promise<number> {
  const server = new Server();
  const definition = {
    Call: {
      path: callPath,
      requestStream: false,
      responseStream: false,
      requestSerialize: pass,
      requestDeserialize: pass,
      responseSerialize: pass,
      responseDeserialize: pass,
    },
  } as const;
  server.addService(definition, { Call: echo });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

export const servers: Readonly<Record<string, () => Promise<number>>> = {
  edgeway: listenEdgeway,
  "node:http2": listenNode,
  "grpc-js": listenGrpc,
};
